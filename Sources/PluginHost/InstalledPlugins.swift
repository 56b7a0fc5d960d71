package import Base
import Linux

/// Plugins that are installed: what their manifests say, in the order in which they take part. All of them, or those that
/// a `PluginCatalog` was asked for.
///
/// A missing directory is an installation without plugins. A manifest that cannot be used, or a library that is absent,
/// disables its own plugin only; `broken` keeps the reason for the moment when somebody asks for it.
package struct InstalledPlugins: Sendable {
    package struct Entry: Sendable {
        package let manifest: Manifest
        /// The manifest's path.
        package let file: String
        package let isEnabled: Bool
    }

    package struct Broken: Sendable {
        /// From the file's name.
        package let id: String
        package let file: String
        package let error: SkiffError
        /// What it would add.
        package var outline = ManifestOutline()
    }

    /// Absolute, without symlinks where it exists.
    package let directory: String
    package let stateFile: String
    /// In the order of phases.
    package private(set) var entries: [Entry] = []
    package private(set) var broken: [Broken] = []

    private let trust: Trust
    private let disabled: Set<String>
    /// Why nothing of the directory may be used.
    private var refusal: SkiffError?
    /// Names of files that were read.
    private var read: Set<String> = []

    /// Reads all manifests.
    package init(installation: Installation, trust: Trust = .ofThisProcess) {
        self.init(unread: installation, trust: trust)
        readAll()
    }

    /// Reads all manifests.
    package init(directory: String, stateFile: String, trust: Trust) {
        self.init(unread: directory, stateFile: stateFile, trust: trust)
        readAll()
    }

    /// Reads no manifest yet.
    init(unread installation: Installation, trust: Trust) {
        self.init(
            unread: installation.pluginDirectory,
            stateFile: "\(installation.configurationDirectory)/plugins.conf", trust: trust)
    }

    init(unread directory: String, stateFile: String, trust: Trust) {
        (self.stateFile, self.trust) = (stateFile, trust)
        guard let path = try? realPath(directory) else {
            (self.directory, disabled) = (directory, [])
            return
        }
        self.directory = path
        do throws(SkiffError) {
            try trust.checkPath(path)
            disabled = try PluginState(reading: stateFile, trust: trust).disabled
        } catch {
            disabled = []
            refusal = error
            broken.append(Broken(id: "", file: path, error: error))
        }
    }

    mutating func readAll() { read(manifestNames()) }

    /// Reads manifests by the names of their files, those that were not read before.
    mutating func read(_ names: [String]) {
        let new = names.filter { read.insert($0).inserted }
        if new.isEmpty { return }
        for name in new {
            let file = "\(directory)/\(name)"
            let id = String(name.dropLast(Self.suffix.count))
            if let refusal {
                refuse(name, refusal)
                continue
            }
            do throws(SkiffError) {
                let manifest = try Self.read(file, id: id, trust: trust)
                entries.append(Entry(manifest: manifest, file: file, isEnabled: !disabled.contains(id)))
            } catch {
                refuse(name, error)
            }
        }
        entries = PluginOrder.sorted(entries, manifest: \.manifest)
    }

    private mutating func refuse(_ name: String, _ error: SkiffError) {
        let file = "\(directory)/\(name)"
        let bytes = (try? Self.readTrusted(file, trust: Trust(isPrivileged: false))) ?? []
        broken.append(
            Broken(
                id: String(name.dropLast(Self.suffix.count)), file: file, error: error, outline: ManifestOutline(bytes))
        )
    }

    /// Manifests of plugins that may be used.
    package var enabled: [Manifest] { entries.filter(\.isEnabled).map(\.manifest) }

    /// Returns the first in order that has this id, this name for people, or this last part of its id.
    package func find(_ name: String) -> Entry? {
        let wanted = name.lowercased()
        return entries.first { $0.manifest.id == name }
            ?? entries.first {
                $0.manifest.name.lowercased() == wanted || $0.manifest.id.hasSuffix("." + wanted)
            }
    }

    package static let suffix = ".plugin"

    private func manifestNames() -> [String] {
        do throws(Errno) {
            let folder = try open(directory, [.read, .directory])
            return try Linux.entries(of: folder.raw).map(\.text)
                .filter { $0.hasSuffix(Self.suffix) && $0.utf8.first != UInt8(ascii: ".") }
        } catch {
            return []
        }
    }

    /// Opens, checks and reads one manifest; also used for a file anywhere (`skiff plugin check FILE`).
    package static func read(_ file: String, id: String?, trust: Trust) throws(SkiffError) -> Manifest {
        let bytes = try readTrusted(file, trust: trust)
        do throws(ManifestError) {
            let manifest = try Manifest(parsing: bytes)
            guard id == nil || manifest.id == id else {
                throw ManifestError(
                    line: 0, reason: "its id is \(manifest.id), so its name must be \(manifest.id).plugin")
            }
            return manifest
        } catch {
            throw error.described(in: file)
        }
    }

    /// Returns at most one byte more than a manifest may have.
    private static func readTrusted(_ file: String, trust: Trust) throws(SkiffError) -> [UInt8] {
        // O_NONBLOCK: a FIFO in the directory must not hang every command.
        let descriptor = try during("cannot read plugin manifest \(file)") { () throws(Errno) in
            try open(file, [.read, .noFollow, .nonBlocking])
        }
        let found = try during("cannot look at \(file)") { () throws(Errno) in try status(of: descriptor.raw) }
        guard found.isRegular else { throw SkiffError("cannot read plugin manifest \(file): not a file") }
        try trust.check(found, file)
        return try during("cannot read plugin manifest \(file)") { () throws(Errno) in
            try readBytes(descriptor.raw, at: 0, count: manifestLimit + 1)
        }
    }
}
