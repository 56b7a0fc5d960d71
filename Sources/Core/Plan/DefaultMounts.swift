import Base
import Linux

/// What appears in every container unless somebody said otherwise (Docs/spec/runtime.md §2): devices, kernel file
/// systems, home, temporary directories, identity files, the current directory.
struct DefaultMounts {
    let request: Request
    let settings: Settings
    let host: HostFacts
    let home: HomeDirectory
    /// Whether the container has its own PID namespace, and so its own /proc.
    let ownPID: Bool
    let ownIPC: Bool
    /// A user namespace cannot mount sysfs or see the devpts group of the host.
    let inUserNamespace: Bool
    /// Whether the user is root with something writable: the identity files are left alone then.
    let keepsIdentityFiles: Bool
    /// What the user is told about mounts that were asked for and are not made.
    private(set) var messages: [PlanMessage] = []

    private let restricted: MountAttributes = [.noSuid, .noDev]

    init(
        request: Request, settings: Settings, host: HostFacts, home: HomeDirectory, namespaces: Namespaces,
        inUserNamespace: Bool, keepsIdentityFiles: Bool
    ) {
        (self.request, self.settings, self.host, self.home) = (request, settings, host, home)
        (ownPID, ownIPC) = (namespaces.contains(.pid), namespaces.contains(.ipc))
        (self.inUserNamespace, self.keepsIdentityFiles) = (inUserNamespace, keepsIdentityFiles)
    }

    mutating func mounts() -> [Mount] {
        devices() + hostFilesystems() + configuredBinds() + kernel() + home.mounts(restricted) + temporary() + scratch()
            + identity() + currentDirectory()
    }

    private func isOff(_ word: String) -> Bool { request.noMount.contains(word) }

    // MARK: /dev

    /// Whether /dev is one of ours, with a few nodes.
    var hasMinimalDev: Bool { hasDev && (request.contain || settings.mountDev == .minimal) }

    private var hasDev: Bool { settings.mountDev != .no && !isOff("dev") }

    private func devices() -> [Mount] {
        if !hasDev { return [] }
        if !hasMinimalDev { return [Mount(.dev, .bind("/dev"), at: "/dev", attributes: [.noSuid], reason: "devices")] }
        return minimalDev()
    }

    private func minimalDev() -> [Mount] {
        let reason = "minimal /dev"
        var result = [Mount(.dev, .session(mode: 0o755), at: "/dev", attributes: [.noSuid], reason: reason)]
        let sharedMemory = Mount.Source.filesystem(type: settings.memoryFilesystem.rawValue, options: ["mode=1777"])
        result.append(Mount(.dev, sharedMemory, at: "/dev/shm", attributes: restricted, reason: reason))
        if ownIPC {
            let queue = Mount.Source.filesystem(type: "mqueue", options: [])
            result.append(Mount(.dev, queue, at: "/dev/mqueue", attributes: restricted, missing: .warn, reason: reason))
        }
        if settings.mountDevpts && !isOff("devpts") && !request.buildConfiguration {
            var options = ["newinstance", "ptmxmode=0666", "mode=0620"]
            if !inUserNamespace { options.append("gid=5") }
            let terminals = Mount.Source.filesystem(type: "devpts", options: options)
            result.append(
                Mount(.dev, terminals, at: "/dev/pts", attributes: [.noSuid, .noExec], missing: .warn, reason: reason))
            result.append(Mount(.dev, .symlink("pts/ptmx"), at: "/dev/ptmx", reason: reason))
        }
        for node in ["tty", "null", "zero", "random", "urandom"] {
            result.append(Mount(.dev, .bind("/dev/" + node), at: "/dev/" + node, missing: .ignore, reason: reason))
        }
        if let terminal = host.terminal {
            result.append(
                Mount(.dev, .bind(terminal), at: "/dev/console", missing: .warn, reason: "the caller's terminal"))
        }
        let links = [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")]
        for (name, target) in links { result.append(Mount(.dev, .symlink(target), at: "/dev/" + name, reason: reason)) }
        return result
    }

    // MARK: host and kernel

    private func hostFilesystems() -> [Mount] {
        guard Self.showsHostFilesystems(request, settings) else { return [] }
        let kept = ["/proc", "/sys", "/dev", "/run", "/boot", "/var"]
        return host.topMounts.filter { path in !kept.contains { isPath(path, within: $0) } }.map {
            Mount(.hostfs, .bind($0), at: $0, attributes: restricted, missing: .warn, reason: "mount hostfs")
        }
    }

    static func showsHostFilesystems(_ request: Request, _ settings: Settings) -> Bool {
        settings.mountHostfs && !request.noMount.contains("hostfs")
    }

    private func configuredBinds() -> [Mount] {
        if isOff("bind-paths") || request.buildConfiguration { return [] }
        return settings.bindPath.compactMap { entry in
            let parts = entry.split(separator: ":", maxSplits: 1).map(String.init)
            guard let source = parts.first else { return nil }
            let destination = parts.count > 1 ? parts[1] : source
            if isOff(destination) { return nil }
            let essential = source == "/etc/hosts" || source == "/etc/localtime"
            if request.contain && !essential { return nil }
            let hasNetwork = request.newNetwork || request.networkPath != nil
            if source == "/etc/hosts" && request.contain && hasNetwork { return ownHosts(destination) }
            return Mount(
                .binds, .bind(source), at: destination, attributes: restricted, missing: essential ? .ignore : .warn,
                reason: "bind path")
        }
    }

    /// Returns an /etc/hosts with the names that every host has; those of the caller's host lead nowhere from another
    /// network.
    private func ownHosts(_ destination: String) -> Mount {
        let lines = [
            "127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback", "fe00::0 ip6-localnet",
            "ff00::0 ip6-mcastprefix", "ff02::1 ip6-allnodes", "ff02::2 ip6-allrouters",
        ]
        return Mount(
            .files, .file(Array(lines.map { $0 + "\n" }.joined().utf8)), at: destination, attributes: restricted,
            missing: .ignore, reason: "a network of its own")
    }

    private func kernel() -> [Mount] {
        var result: [Mount] = []
        if settings.mountProc && !isOff("proc") {
            let source: Mount.Source = ownPID ? .filesystem(type: "proc", options: []) : .bind("/proc")
            result.append(
                Mount(.kernel, source, at: "/proc", attributes: restricted, missing: .warn, reason: "kernel interface"))
        }
        if settings.mountSys && !isOff("sys") {
            let source: Mount.Source = inUserNamespace ? .bind("/sys") : .filesystem(type: "sysfs", options: [])
            result.append(
                Mount(.kernel, source, at: "/sys", attributes: restricted, missing: .warn, reason: "kernel interface"))
        }
        return result
    }

    // MARK: directories of the user

    private func temporary() -> [Mount] {
        guard settings.mountTmp, !isOff("tmp") else { return [] }
        return [("/tmp", "tmp"), ("/var/tmp", "var_tmp")].map { path, name in
            let source: Mount.Source
            if !request.contain {
                source = .bind(path)
            } else if let workdir = request.workdir {
                source = .made(absolutePath(workdir, in: host.directory) + "/" + name, mode: 0o1777)
            } else {
                source = .session(mode: 0o1777)
            }
            return Mount(.tmp, source, at: path, attributes: restricted, missing: .warn, reason: "temporary directory")
        }
    }

    private mutating func scratch() -> [Mount] {
        guard settings.userBindControl else {
            if !request.scratch.isEmpty { messages.append(.verbose("--scratch is ignored: user bind control = no")) }
            return []
        }
        return request.scratch.map { directory in
            let path = absolutePath(directory, in: "/")
            let source: Mount.Source =
                request.workdir.map { .made(absolutePath($0, in: host.directory) + "/scratch" + path, mode: 0o750) }
                ?? .session(mode: 0o750)
            var mount = Mount(.scratch, source, at: path, attributes: restricted, reason: "--scratch")
            mount.isAsked = true
            return mount
        }
    }

    /// Whether the current directory is mounted, provided that it is not a system directory.
    static func considersCurrentDirectory(_ request: Request, _ settings: Settings, _ host: HostFacts) -> Bool {
        settings.userBindControl && asksForCurrentDirectory(request, host)
    }

    private static func asksForCurrentDirectory(_ request: Request, _ host: HostFacts) -> Bool {
        !request.contain && !request.noMount.contains("cwd") && host.directory != "/" && !request.buildConfiguration
    }

    private mutating func currentDirectory() -> [Mount] {
        let path = host.directory
        guard Self.considersCurrentDirectory(request, settings, host) else {
            if Self.asksForCurrentDirectory(request, host) {
                messages.append(
                    .warning("not mounting current directory: user bind control is disabled by system administrator"))
            }
            return []
        }
        if [path, host.resolvedDirectory ?? path].contains(where: Self.isSystemDirectory) { return [] }
        return [
            Mount(.cwd, .bind(path), at: path, attributes: restricted, missing: .warn, reason: "current directory")
        ]
    }

    private static func isSystemDirectory(_ path: String) -> Bool {
        ["/etc", "/bin", "/mnt", "/usr", "/var", "/opt", "/sbin", "/lib", "/lib64"].contains(path)
            || ["/sys", "/proc", "/dev"].contains { isPath(path, within: $0) }
    }

    // MARK: identity

    private func identity() -> [Mount] {
        var result: [Mount] = []
        if settings.configResolvConf && !isOff("/etc/resolv.conf") && !isOff("bind-paths")
            && !request.buildConfiguration
        {
            result.append(resolver())
        }
        if let hostname = request.hostname {
            result.append(
                Mount(
                    .files, .file(Array((hostname + "\n").utf8)), at: "/etc/hostname", attributes: restricted,
                    missing: .warn, reason: "--hostname"))
        }
        if keepsIdentityFiles { return result }
        if settings.configPasswd, let userEntry {
            result.append(file(.passwd(userEntry), at: "/etc/passwd", "the caller's user entry"))
        }
        if settings.configGroup {
            let group = DerivedFile.group(user: host.userName, groups: host.groupRecords)
            result.append(file(group, at: "/etc/group", "the caller's groups"))
        }
        return result
    }

    private func file(_ file: DerivedFile, at path: String, _ reason: String) -> Mount {
        Mount(
            .files, .derived(file), at: path, attributes: restricted, missing: .warn, createDestination: false,
            reason: reason)
    }

    private func resolver() -> Mount {
        let source: Mount.Source
        if request.dns.isEmpty {
            source = .bind("/etc/resolv.conf")
        } else {
            source = .file(Array(request.dns.map { "nameserver \($0)\n" }.joined().utf8))
        }
        return Mount(
            .files, source, at: "/etc/resolv.conf", attributes: restricted, missing: .warn,
            reason: request.dns.isEmpty ? "name servers of the host" : "--dns")
    }

    /// The entry of the program's user: as root when the caller is mapped to root, and nil for a user of `--security uid:`
    /// whom the host does not know.
    private var userEntry: UserRecord? {
        if request.security.uid != nil { return host.target }
        let root = request.userMapping == .root
        let uid = root ? 0 : host.uid
        return UserRecord(
            name: root ? "root" : host.userName, uid: uid, gid: root ? 0 : host.gid, gecos: host.user?.gecos ?? "",
            home: home.destination, shell: host.user?.shell ?? "/bin/sh")
    }
}
