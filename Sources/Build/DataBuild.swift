import Base
import Core
import Linux
import Packing
import SquashfsWriter

/// `build --data`: a SIF that holds a squashfs as data, to be bound into containers; no root, no scripts
/// (Docs/spec/deffile.md §3.2).
struct DataBuild {
    let definition: Definition
    let target: BuildTarget
    let options: BuildOptions

    func run() throws(SkiffError) {
        guard let stage = definition.stages.last, stage.agent == "localimage", !target.isSandbox else {
            throw SkiffError(
                "While performing build: cannot build a data image: its source must be a squashfs file and its target a "
                    + "SIF file")
        }
        Log.info("Starting build...")
        let path = stage.value("from") ?? ""
        let image = try ImageSource.open(try absolutePath(path), writable: false)
        guard image.kind == .squashfs, let section = image.root else {
            throw SkiffError(
                "While performing build: cannot build a data image from \(path): it is no squashfs file",
                hint: "Make one with mksquashfs")
        }
        Log.info("Creating SIF file...")
        try write(image.descriptor.raw, section, try record(stage))
        try target.publish(options)
        Log.info("Build complete: \(target.typed)")
    }

    private func record(_ stage: Stage) throws(SkiffError) -> InspectMetadata {
        var labels = try Labels(json: nil, replaces: options.packing.replaces)
        let time = BuildTime(seconds: options.packing.squashfs.latestTime.map(Int64.init) ?? currentTime())
        labels.generate(
            stage.header.map { .init(key: $0.key, value: $0.value) }, time, architecture: options.packing.architecture,
            hasHelp: false)
        for label in stage.labels { labels.add(label.key, label.value) }
        var record = InspectMetadata()
        record.container.labels = labels.values
        record.deffile = String(decoding: definition.text, as: UTF8.self)
        while record.deffile.hasSuffix("\n") { record.deffile.removeLast() }
        return record
    }

    private func write(_ source: CInt, _ section: ImageSection, _ record: InspectMetadata) throws(SkiffError) {
        var creation = SIFCreation()
        creation.isDeterministic = options.packing.squashfs.latestTime != nil
        let architecture = SIFArchitecture(name: options.packing.architecture) ?? .host
        let output = SIFOutput(definition: definition.text, record: record, creation: creation)
        try output.write(target.part, .data, architecture) { output throws(SkiffError) in
            try during("cannot copy the squashfs into \(target.part)") { () throws(Errno) in
                try copy(source, section, to: output.file, at: output.offset)
            }
        }
    }

    private func copy(_ source: CInt, _ section: ImageSection, to file: CInt, at offset: Int64) throws(Errno) -> Int64 {
        let start = section.range.offset
        let end = section.range.size > 0 ? section.range.size : Int64(try endOffset(of: source)) - start
        var done: Int64 = 0
        while done < end {
            let chunk = try readBytes(source, at: start + done, count: Int(min(end - done, 1 << 20)))
            if chunk.isEmpty { break }
            try writeFully(file, chunk, at: offset + done)
            done += Int64(chunk.count)
        }
        return done
    }
}
