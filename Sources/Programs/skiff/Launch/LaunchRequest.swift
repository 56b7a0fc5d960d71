import Base
import Core
import Grammar
import Linux

/// Turns `exec`, `run`, `shell` and `test` as typed into a request (Docs/spec/cli.md §2).
struct LaunchRequest {
    let invocation: Invocation
    let directory: String
    /// The file that was fetched for an address; nil where the image is a path.
    var fetched: String?
    var limits: [CgroupLimit] = []

    func make(_ action: Request.Action) throws(SkiffError) -> Request {
        var positionals = invocation.positionals
        guard let image = positionals.first else { throw SkiffError("no image is named", code: .usage) }
        positionals.removeFirst()
        var request = Request(action: action, image: try local(image))
        if InstanceLaunch(invocation: invocation).isStart, !positionals.isEmpty {
            request.instance = positionals.removeFirst()
        }
        if action == .shell {
            if !positionals.isEmpty { Log.warning("Parameters to shell command are ignored") }
        } else {
            request.arguments = positionals.map(\.bytes)
        }
        try mounts(&request)
        environment(&request)
        try namespaces(&request)
        try privileges(&request)
        bundles(&request)
        request.limits = limits
        request.buildConfiguration = invocation.global.buildConfiguration
        return request
    }

    private func local(_ image: String) throws(SkiffError) -> String {
        if let fetched { return fetched }
        guard let colon = image.firstIndex(of: ":"), image[colon...].hasPrefix("://") else { return image }
        throw SkiffError("Unsupported transport type: \(image[..<colon])")
    }

    private func mounts(_ request: inout Request) throws(SkiffError) {
        for text in invocation[.bind] {
            request.binds += try BindSpec.parse(text, currentDirectory: directory)
        }
        for text in invocation[.mount] {
            // By bytes: a path may hold what Unicode counts among the ends of lines.
            for line in text.utf8.split(separator: ASCII.newline) {
                request.binds.append(try mount(String(Substring(line))))
            }
        }
        if let home = invocation[.home] { request.home = try self.home(home) }
        request.noHome = invocation[.noHome]
        request.contain = invocation[.contain]
        request.workdir = invocation[.workdir]
        request.scratch = invocation[.scratch]
        request.noMount = noMount()
        request.writable = invocation[.writable]
        request.underlay = invocation[.underlay]
        request.unsquash = invocation[.unsquash]
        request.temporaryDirectory = invocation[.tmpdir]
        request.devices = invocation[.device]
        request.deviceDirectories = invocation[.cdiDirs].map { absolutePath($0, in: directory) }
        for path in invocation[.containlibs] {
            let destination = "/.singularity.d/libs/" + lastComponent(path)
            request.binds.append(
                .init(source: absolutePath(path, in: directory), destination: destination, readOnly: true))
        }
    }

    private func mount(_ line: String) throws(SkiffError) -> Request.Bind {
        let fields: [String]
        do throws(ValueProblem) {
            fields = try parseCSV(line)
        } catch {
            throw SkiffError("While setting bind mount configuration: while parsing mount: \(error.text)")
        }
        return try MountSpec.parse(fields, currentDirectory: directory)
    }

    private func home(_ text: String) throws(SkiffError) -> Request.Bind {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let source = parts.first else {
            throw SkiffError(
                "While setting home directory: home argument has incorrect number of elements: \(parts.count)")
        }
        // A relative one is refused where it is mounted; unmounted it is the value of HOME.
        let destination = parts.last ?? source
        let path = absolutePath(destination, in: "/")
        return .init(
            source: absolutePath(source, in: directory),
            destination: destination.hasPrefix("/") ? path : path == "/" ? "." : String(path.dropFirst()))
    }

    private func noMount() -> [String] {
        let words = ["proc", "sys", "dev", "devpts", "home", "tmp", "hostfs", "cwd", "bind-paths"]
        return invocation[.noMount].filter { word in
            if words.contains(word) || word.hasPrefix("/") { return true }
            Log.warning("Ignoring unknown mount type '\(word)'")
            return false
        }
    }

    private func environment(_ request: inout Request) {
        request.cleanEnvironment = invocation[.cleanenv]
        request.environment = invocation[.env].map { ($0.key, $0.value) }
        request.environmentFiles = invocation[.envFile]
        request.noEnvironment = invocation[.noEnv]
        request.noEvaluation = invocation[.noEval]
        request.noUmask = invocation[.noUmask]
        request.app = invocation[.app]
        request.shell = invocation[.shell]
        request.directory = invocation[.cwd] ?? invocation[.pwd]
    }

    private func namespaces(_ request: inout Request) throws(SkiffError) {
        request.newPID = invocation[.pid]
        request.newIPC = invocation[.ipc]
        request.newUTS = invocation[.uts]
        request.noInit = invocation[.noInit]
        request.sharesContainer = invocation[.sharens]
        if invocation[.userns] { request.userMapping = .userNamespace }
        if invocation[.fakeroot] { try becomeRoot(&request) }
        try NetworkFlags(invocation: invocation, directory: directory).fill(&request)
        if let name = invocation[.hostname] {
            guard HostName.isValid(name) else {
                throw SkiffError("cannot set host name \(name): it is not a valid DNS name")
            }
            request.hostname = name
        }
        request.dns = invocation[.dns]?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
        for server in request.dns where !HostName.isAddress(server) {
            throw SkiffError("cannot use name server \(server): it is not an IP address")
        }
    }

    private func becomeRoot(_ request: inout Request) throws(SkiffError) {
        if invocation[.ignoreUserns] {
            throw SkiffError(
                "cannot become root of the container: --ignore-userns leaves no way to it",
                hint: "skiff needs a user namespace for --fakeroot")
        }
        request.userMapping = .root
        request.ignoreSubuid = invocation[.ignoreSubuid]
        request.ignoreFakerootCommand = invocation[.ignoreFakerootCommand]
    }

    private func privileges(_ request: inout Request) throws(SkiffError) {
        func list(_ key: FlagKey<String>) -> [String] {
            invocation[key]?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
        }
        request.keepPrivileges = invocation[.keepPrivs]
        request.noPrivileges = invocation[.noPrivs]
        request.allowSetuid = invocation[.allowSetuid]
        request.addCapabilities = list(.addCaps)
        request.dropCapabilities = list(.dropCaps)
        request.security = try SecurityOptions(
            invocation[.security].map { word in
                let prefix = "seccomp:"
                guard word.hasPrefix(prefix), word.utf8.count > prefix.utf8.count else { return word }
                return prefix + absolutePath(String(word.dropFirst(prefix.count)), in: directory)
            })
        request.pluginFlags = invocation.pluginFlags
    }

    /// Options that stand for several others (Docs/spec/runtime.md §3).
    private func bundles(_ request: inout Request) {
        let compat = invocation[.compat]
        if compat {
            request.noInit = true
            request.noUmask = true
            request.noEvaluation = true
            if !request.pluginFlags.contains(where: { $0.name == "writable-tmpfs" }) {
                request.pluginFlags.append(PluginFlagUse("writable-tmpfs", ["true"]))
            }
        }
        if compat || invocation[.containall] {
            request.contain = true
            request.newPID = true
            request.newIPC = true
            request.cleanEnvironment = true
        }
        if invocation[.noPid] { request.newPID = false }
        if request.instance != nil { request.newPID = true }
    }
}

/// Names and addresses of hosts.
enum HostName {
    /// RFC 1123 §2.1: labels of letters, digits and inner hyphens, at most 63 bytes each and 253 in all.
    static func isValid(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.utf8.allSatisfy { byte in
                        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                            || byte == 0x2D
                    }
            }
    }

    /// inet_pton(3), both families.
    static func isAddress(_ text: String) -> Bool { isInternetAddress(text) }
}
