import CLinux
import Linux

/// Where the home directory comes from and where it appears (runtime.md §2.2).
struct HomeDirectory: Equatable {
    /// Nil when nothing is mounted.
    var source: Mount.Source?
    /// What HOME says, mounted or not.
    var destination: String
    /// An empty directory that covers one of the image, so that the destination can be made in it; nil for none.
    var stagedBase: String?

    /// - Throws: for a destination that is no absolute path, with Apptainer's text.
    init(request: Request, settings: Settings, host: HostFacts) throws(SkiffError) {
        let rootMapped = request.userMapping == .root || (request.userMapping == .inherited && host.uid == 0)
        let original = host.homeDirectory
        destination = request.home?.destination ?? (rootMapped ? "/root" : original)
        let off = request.noHome || request.noMount.contains("home") || request.buildConfiguration
        if off || (!settings.mountHome && request.home == nil) { return }
        if destination == "/" {
            Log.warning("Not mounting home directory: destination is /")
            return
        }
        if request.home != nil && !settings.userBindControl {
            Log.warning("Ignoring --home: user bind control is disabled by system administrator")
            destination = rootMapped ? "/root" : original
        }
        guard destination.hasPrefix("/") else {
            throw SkiffError(
                "container creation failed: failed to add \(request.home?.source ?? original) as session directory: "
                    + "path \(destination) is not an absolute path")
        }
        if request.contain && request.home == nil {
            source =
                request.workdir.map { .made(absolutePath($0, in: host.directory) + "/home", mode: 0o700) }
                ?? .session(mode: 0o700)
            return
        }
        let path = request.home?.source ?? original
        source = (try? status(path).isDirectory) == true ? .bind(path) : .session(mode: 0o700)
    }

    /// In an image that is opened for writing nothing is supplied for mounts, and few images have the caller's home. Then
    /// `/home` of the image is covered and the home made in the cover, so that the image stays as it is.
    mutating func stageBase(_ image: ImageFacts) {
        guard source != nil, let slash = destination.dropFirst().firstIndex(of: "/") else { return }
        if image.root == .directory, let root = try? open(image.path, SKL_O_PATH | O_DIRECTORY),
            (try? open(destination, SKL_O_PATH, in: root.raw, resolve: [.inRoot, .noMagicLinks])) != nil
        {
            return
        }
        stagedBase = String(destination[..<slash])
    }

    func mounts(_ attributes: MountAttributes) -> [Mount] {
        guard let source else { return [] }
        let home = Mount(.home, source, at: destination, attributes: attributes, reason: "home directory")
        let base = stagedBase.map { base in
            Mount(.home, .session(mode: 0o755), at: base, attributes: attributes, reason: "place of the home directory")
        }
        return (base.map { [$0] } ?? []) + [home]
    }
}

/// The mount table of this process; proc_pid_mountinfo(5).
enum HostMounts {
    /// Mount points whose parent directory is `/`.
    static func directlyBelowRoot() -> [String] {
        guard let bytes = try? readFile("/proc/self/mountinfo") else { return [] }
        return bytes.split(separator: 0x0A).compactMap { line in
            let fields = line.split(separator: 0x20)
            guard fields.count > 4 else { return nil }
            let path = String(decoding: fields[4], as: UTF8.self)
            return path != "/" && parentPath(path) == "/" ? path : nil
        }
    }
}
