import Linux

/// Where the home directory comes from and where it appears (runtime.md §2.2).
struct HomeDirectory: Equatable {
    /// Nil when nothing is mounted.
    var source: Mount.Source?
    /// What HOME says, mounted or not.
    var destination: String

    init(request: Request, settings: Settings, host: HostFacts) {
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
        if request.contain && request.home == nil {
            source =
                request.workdir.map { .made(absolutePath($0, in: host.directory) + "/home", mode: 0o700) }
                ?? .session(mode: 0o700)
            return
        }
        let path = request.home?.source ?? original
        source = (try? status(path).isDirectory) == true ? .bind(path) : .session(mode: 0o700)
    }

    func mounts(_ attributes: MountAttributes) -> [Mount] {
        source.map { [Mount(.home, $0, at: destination, attributes: attributes, reason: "home directory")] } ?? []
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
