package import Base
import CLinux
package import Core
import Linux
import PluginAPI

/// Formats of image files that plugins know: `[probe]` blocks of manifests, and `skiff.image-format/2`.
///
/// The image is opened before a launch knows which plugins take part, and by commands that run no container. So the library is
/// loaded in a process that ends when it has described the file, as for transports: what it does to that process reaches
/// nobody.
package struct ForeignImages: ImageFormats, @unchecked Sendable {
    // Used before there are threads.
    private let catalog: PluginCatalog
    private let installation: Installation
    private let settings: () throws(SkiffError) -> Settings

    package init(
        _ catalog: PluginCatalog, _ installation: Installation,
        settings: @escaping () throws(SkiffError) -> Settings
    ) {
        (self.catalog, self.installation, self.settings) = (catalog, installation, settings)
    }

    package func describe(_ file: CInt, _ path: String, start: [UInt8]) throws(SkiffError) -> ForeignImage? {
        let installed = catalog.plugins(for: [.offer(SKIFF_EXT_IMAGE_FORMAT)])
        for manifest in installed.enabled where try manifest.fits(file, start) {
            let task = ImageFormatTask(
                manifest: manifest, directory: installed.directory, installation: installation,
                configuration: InstalledPlugins.configuration(try settings(), [manifest]))
            if let image = try task.run(file, path, start: start) { return image }
        }
        return nil
    }
}

extension Manifest {
    /// Whether the bytes of one of its `[probe]` blocks stand where it says.
    fileprivate func fits(_ file: CInt, _ start: [UInt8]) throws(SkiffError) -> Bool {
        guard extensions.contains(SKIFF_EXT_IMAGE_FORMAT) else { return false }
        for probe in probes {
            let place = Int(clamping: probe.offset)
            if place + probe.bytes.count <= start.count {
                if start[place..<place + probe.bytes.count].elementsEqual(probe.bytes) { return true }
                continue
            }
            let found = try during("cannot read the image") { () throws(Errno) in
                try readBytes(file, at: probe.offset, count: probe.bytes.count)
            }
            if found == probe.bytes { return true }
        }
        return false
    }
}

/// One plugin, asked about one file.
struct ImageFormatTask {
    let manifest: Manifest
    let directory: String
    let installation: Installation
    let configuration: (String) -> [String]
    var trust = Trust.ofThisProcess

    /// Returns what a process of its own says about the file.
    /// - Returns: nil when the plugin says that it is not its own.
    func run(_ file: CInt, _ path: String, start: [UInt8]) throws(SkiffError) -> ForeignImage? {
        let process = try during("cannot ask plugin \(manifest.id) about \(path)") { () throws(Errno) in
            try LoneProcess { answer(file, start).bytes }
        }
        switch ImageFormatAnswer(try process.answer(of: manifest.id)) {
        case .declined?: return nil
        case .failed(let error)?: throw error
        case .image(let image)?: return image
        case nil: throw manifest.failure("describe", "it gave no answer that can be read")
        }
    }

    /// In the process of its own.
    private func answer(_ file: CInt, _ start: [UInt8]) -> ImageFormatAnswer {
        do throws(SkiffError) {
            // Not the file itself, which may be open for writing; nor standard output, which is the program's.
            let copy = try during("cannot open the image again") { () throws(Errno) in
                try open("/proc/self/fd/\(file)", [.read])
            }
            _ = dup2(2, 1)
            return try describe(copy.raw, start).map { .image($0) } ?? .declined
        } catch {
            return .failed(error)
        }
    }

    /// - Returns: nil when the plugin says that the file is not its own.
    func describe(_ file: CInt, _ start: [UInt8]) throws(SkiffError) -> ForeignImage? {
        var facts = SessionFacts(request: Request(action: .exec, image: ""), installation: installation)
        facts.configuration = configuration
        facts.isPrivileged = trust.isPrivileged
        facts.isRootless = effectiveUID() != 0
        let session = Session(plugin: try Loader(directory: directory, trust: trust).load(manifest), facts: facts)
        return try describe(file, start, session)
    }

    /// As `describe`, by a plugin that is loaded.
    func describe(_ file: CInt, _ start: [UInt8], _ session: Session) throws(SkiffError) -> ForeignImage? {
        guard let probe = session.plugin.imageFormat.probe, let describe = session.plugin.imageFormat.describe else {
            return nil
        }
        let object = session.plugin.object
        let isItsOwn = try call(session, "probe") {
            start.prefix(4096).withContiguousStorageIfAvailable { probe(object, $0.baseAddress, UInt64($0.count)) }
                ?? SKIFF_DECLINED
        }
        guard isItsOwn else { return nil }
        let taker = DescriptionTaker(session)
        let isDescribed = try call(session, "describe") {
            describe(object, session.pointer, file, takeDescription, Unmanaged.passUnretained(taker).toOpaque())
        }
        guard isDescribed else { return nil }
        if let problem = taker.problem { throw manifest.failure("describe", problem) }
        guard let image = taker.image else { throw manifest.failure("describe", "it did not say what the file holds") }
        return image
    }

    private func call(_ session: Session, _ station: String, _ body: () -> Int32) throws(SkiffError) -> Bool {
        var status: Int32 = 0
        try session.during(.configure) { () throws(SkiffError) in
            status = try session.plugin.call(station, body)
        }
        return status == SKIFF_OK
    }
}
