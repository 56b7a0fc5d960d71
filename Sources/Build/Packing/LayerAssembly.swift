package import Base
import Core
import Inspect
import Linux
import OCI
import SquashfsWriter

/// Makes a SIF from an image of layers, with nothing unpacked in between: what every image has is added to the tree in
/// memory, and the content of files goes from the layers into the blocks of the squashfs.
package struct LayerAssembly {
    private let base: LayeredBase
    private let definition: Definition
    private let options: BuildOptions

    /// - Parameter definition: of one stage that runs nothing and copies nothing; see `isEnough`.
    package init(_ base: LayeredBase, _ definition: Definition, _ options: BuildOptions) {
        (self.base, self.definition, self.options) = (base, definition, options)
    }

    /// Whether a definition only says what the base is and what the image tells about itself.
    static func isEnough(for definition: Definition, _ options: BuildOptions) -> Bool {
        guard definition.stages.count == 1, let stage = definition.stages.first, !options.isUpdate, !options.isData
        else {
            return false
        }
        let running: [SectionName] = [.pre, .setup, .test]
        return stage.postScript == nil && stage.files.isEmpty && stage.apps.isEmpty
            && !running.contains { stage.script($0) != nil }
    }

    /// Writes `path`, which must not exist.
    package func write(_ path: String) throws(SkiffError) {
        guard let stage = definition.stages.first else { return }
        Log.info("Reading layers...")
        let merged = try MergedImage(base.image)
        let fixed = options.squashfs.latestTime.map(Int64.init) ?? (options.isReproducible ? base.content.created : nil)
        let seconds = fixed ?? currentTime()
        let root = LayerRoot(tree: merged.tree, time: seconds)
        try BaseFiles(root: root, keepsExisting: base.content.keepsMetadata, keepsApps: !stage.isWritten).write()
        for file in base.content.files { try root.write(file.path, file.bytes, mode: file.mode) }
        let found = merged.tree.architecture
        if found == nil { Log.info("Architecture not recognized, use the config's") }
        let architecture = found ?? SIFArchitecture(name: base.image.config.platform.architecture) ?? .host
        if architecture.name != options.architecture {
            Log.warning("Architecture \(architecture.name) does not match build arch \(options.architecture)")
        }
        let metadata = Metadata(
            root: root, definition: definition, stage: stage, base: base.content, options: options,
            time: BuildTime(seconds: seconds), isUpdate: false)
        try metadata.write()
        Log.info("Creating SIF file...")
        var creation = SIFCreation()
        creation.isDeterministic = fixed != nil
        let output = SIFOutput(
            definition: definition, objects: base.content.objects, creation: creation)
        try output.write(path, architecture, InspectMetadata(collecting: root)) { file, offset throws(SkiffError) in
            try pack(merged, into: file, at: offset, fixed)
        }
    }

    private func pack(_ merged: MergedImage, into file: CInt, at offset: Int64, _ time: Int64?) throws(SkiffError)
        -> Int64
    {
        var options = options.squashfs
        options.latestTime = time.map { UInt32(clamping: $0) }
        options.hintWhenFull = "Write the image to a file system with more room"
        let line = ProgressLine("Packing", total: merged.contentSize)
        let assembly = try SquashfsAssembly(output: file, offset: offset, options: options)
        let written = try merged.pack(into: assembly) { line.advance(to: $0) }
        line.finish(
            "Packed \(byteText(merged.contentSize)) of \(merged.tree.count) entries into \(byteText(written))",
            bytes: merged.contentSize)
        return written
    }
}
