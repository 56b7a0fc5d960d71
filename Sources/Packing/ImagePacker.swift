package import Base
package import Core
import Linux
import SquashfsWriter

/// Makes a SIF of a root file system from any source: a directory that is complete, a directory that is only read, or
/// layers. Nothing is copied or unpacked in between: what a source lacks is added to it in memory.
package struct ImagePacker {
    private let description: ImageDescription
    private let base: BaseContent
    private let options: PackingOptions
    private let creation: SIFCreation

    /// - Parameters:
    ///   - description: what the image tells about itself.
    ///   - base: what the base of the image brought along.
    ///   - creation: how the SIF begins.
    package init(
        _ description: ImageDescription, base: BaseContent, _ options: PackingOptions,
        creation: SIFCreation = SIFCreation()
    ) {
        (self.description, self.base, self.options, self.creation) = (description, base, options, creation)
    }

    /// Writes the SIF to `path`, which must not exist.
    package func pack(_ source: some PackingSource, to path: String) throws(SkiffError) {
        var (creation, squashfs) = (creation, options.squashfs)
        if let root = source.unfinished {
            let fixed = try complete(root)
            creation.isDeterministic = fixed != nil
            squashfs.latestTime = fixed.map { UInt32(clamping: $0) }
        }
        Log.info("Creating SIF file...")
        let output = SIFOutput(
            definition: description.definition, objects: base.objects, record: try source.record(),
            creation: creation, encryption: options.encryption)
        squashfs.hintWhenFull = "Write the image to a file system with more room"
        try source.prepare(for: path, squashfs)
        try output.write(path, .primarySystem, architecture(of: source)) { output throws(SkiffError) in
            try source.write(into: output, squashfs)
        }
    }

    /// Adds to a root what every image has, and what the description says.
    ///
    /// - Returns: the time of a reproducible image, in seconds since 1970; nil to use the current time.
    private func complete(_ root: any UnfinishedRoot) throws(SkiffError) -> Int64? {
        let fixed = try FixedTime(options).find(in: root, base)
        root.time = fixed ?? currentTime()
        try BaseFiles(root: root, keepsExisting: base.keepsMetadata, keepsApps: !description.isWritten).write()
        for file in base.files { try root.write(file.path, file.bytes, mode: file.mode) }
        try MetadataFiles(root, description, base, options, BuildTime(seconds: root.time)).write()
        return fixed
    }

    /// The processor that the image's programs are for decides, whatever was asked for.
    private func architecture(of source: some PackingSource) -> SIFArchitecture {
        let found = source.architecture
        if found == nil { Log.info("Architecture not recognized, use \(source.assumedArchitecture.source)") }
        let result = found ?? source.assumedArchitecture.architecture
        if result.name != options.architecture {
            Log.warning("Architecture \(result.name) does not match build arch \(options.architecture)")
        }
        return result
    }
}
