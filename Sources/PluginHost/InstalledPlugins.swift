package import Base
import Linux

/// The plugins that are installed: what their manifests say, read once, in the order in which they take part.
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

    package init(installation: Installation, trust: Trust = .ofThisProcess) {
        self.init(
            directory: installation.pluginDirectory, stateFile: "\(installation.configurationDirectory)/plugins.conf",
            trust: trust)
    }

    package init(directory: String, stateFile: String, trust: Trust) {
        self.stateFile = stateFile
        do throws(Errno) {
            self.directory = try realPath(directory)
        } catch {
            self.directory = directory
            return
        }
        let disabled: Set<String>
        do throws(SkiffError) {
            try trust.checkPath(self.directory)
            disabled = try PluginState(reading: stateFile, trust: trust).disabled
        } catch {
            broken.append(Broken(id: "", file: self.directory, error: error))
            for name in manifestNames() { refuse(name, error) }
            return
        }
        for name in manifestNames() {
            let file = "\(self.directory)/\(name)"
            let id = String(name.dropLast(Self.suffix.count))
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

    private static func readTrusted(_ file: String, trust: Trust) throws(SkiffError) -> [UInt8] {
        // O_NONBLOCK: a FIFO in the directory must not hang every command.
        let descriptor = try during("cannot read plugin manifest \(file)") { () throws(Errno) in
            try open(file, [.read, .noFollow, .nonBlocking])
        }
        let found = try during("cannot look at \(file)") { () throws(Errno) in try status(of: descriptor.raw) }
        guard found.isRegular else { throw SkiffError("cannot read plugin manifest \(file): not a file") }
        try trust.check(found, file)
        return try during("cannot read plugin manifest \(file)") { () throws(Errno) in
            try readToEnd(descriptor.raw, limit: 1 << 17)
        }
    }
}
