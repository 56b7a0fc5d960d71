import Base
import Grammar
import HTTP
import Inspect
import Linux
import Registry

/// `remote add`, `remove`, `use`, `list`, `login`, `logout`, `status` and `get-login-password` (Docs/spec/cli.md §11).
struct RemoteCommand {
    let invocation: Invocation
    /// Those of this installation, or the one of `--config`.
    let files: RemoteFiles

    func run() throws(SkiffError) {
        let name = invocation.positionals.first
        switch invocation.command {
        case "remote add": try add()
        case "remote remove": try remove(name ?? "")
        case "remote use": try use(name ?? "")
        case "remote list": try list()
        case "remote login": try login(name)
        case "remote logout": try logout(name)
        case "remote status": try status(name)
        case "remote get-login-password": try password()
        default: throw SkiffError("cannot run \(invocation.command)")
        }
    }

    /// - Parameter isGlobal: whether the file of all users is to be changed.
    private func need(root isGlobal: Bool, _ what: String) throws(SkiffError) {
        if isGlobal, invocation.isGiven(.config) {
            throw SkiffError(
                "cannot \(what): --config names one file, and --global and --exclusive another",
                hint: "Leave out one of them")
        }
        if isGlobal, effectiveUID() != 0 { throw SkiffError("cannot \(what) for all users: only root may") }
    }

    private func add() throws(SkiffError) {
        guard invocation.positionals.count == 2 else { throw SkiffError("accepts 2 arg(s)", code: .usage) }
        let name = invocation.positionals[0]
        let isGlobal = invocation[.global]
        try need(root: isGlobal, "add a remote")
        var uri = invocation.positionals[1]
        let isInsecure = invocation[.insecure]
        if uri.hasPrefix("http://") {
            guard isInsecure else {
                throw SkiffError(
                    "cannot add remote \(name): http URI requires --insecure or APPTAINER_ADD_INSECURE=true")
            }
            uri.removeFirst(7)
        } else if uri.hasPrefix("https://") {
            uri.removeFirst(8)
        }
        while uri.hasSuffix("/") { uri.removeLast() }
        guard WebAddress("https://" + uri) != nil, !name.isEmpty else {
            throw SkiffError("cannot add remote \(name): \(invocation.positionals[1]) is no address")
        }
        if try files.merged().remotes[name] != nil,
            try files.read(isGlobal ? files.system : files.user).remotes[name] != nil
        {
            throw SkiffError("\(name) already exists", hint: "Choose another name, or remove it first")
        }
        try files.change(isGlobal: isGlobal) { (config) throws(SkiffError) in
            var remote = RemoteConfig.Remote(uri: uri)
            remote.isSystem = isGlobal
            remote.isInsecure = isInsecure
            if config.remotes.isEmpty {
                config.remotes[RemoteConfig.standardName] = RemoteConfig.standard
                if isGlobal { config.active = RemoteConfig.standardName }
            }
            config.remotes[name] = remote
            if config.active.isEmpty || !invocation[.noDefault] { config.active = name }
        }
        Log.info("Remote \"\(name)\" added.")
        if isGlobal || invocation[.noLogin] { return }
        try login(name)
    }

    private func find(_ config: RemoteConfig, _ name: String?) throws(SkiffError) -> (String, RemoteConfig.Remote) {
        let name = name ?? config.active
        guard !name.isEmpty, let remote = config.remotes[name] else {
            throw SkiffError(
                name.isEmpty ? "no remote is in use" : "\(name) is not a remote", hint: "'remote list' shows all")
        }
        return (name, remote)
    }

    private func remove(_ name: String) throws(SkiffError) {
        let isGlobal = invocation[.global]
        try need(root: isGlobal, "remove a remote")
        let (_, remote) = try find(try files.read(isGlobal ? files.system : files.user), name)
        Endpoint.forget(remote.uri)
        try files.change(isGlobal: isGlobal) { (config) throws(SkiffError) in
            config.remotes[name] = nil
            if config.active == name { config.active = "" }
        }
        Log.info("Remote \"\(name)\" removed.")
    }

    private func use(_ name: String) throws(SkiffError) {
        let isExclusive = invocation[.exclusive]
        let isGlobal = invocation[.global] || isExclusive
        try need(root: isGlobal, "choose a remote")
        let merged = try files.merged()
        let (_, remote) = try find(merged, name)
        if let exclusive = merged.remotes.first(where: { $0.value.isExclusive }), !isGlobal, exclusive.key != name {
            throw SkiffError(
                "could not use \(name): remote \(exclusive.key) has been set exclusive by the system administrator")
        }
        try files.change(isGlobal: isGlobal) { (config) throws(SkiffError) in
            if config.remotes[name] == nil { config.remotes[name] = remote }
            config.active = name
            guard isGlobal else { return }
            for other in config.remotes.keys { config.remotes[other]?.isExclusive = isExclusive && other == name }
        }
        Log.info("Remote \"\(name)\" now in use.")
    }

    private func list() throws(SkiffError) {
        let config = try files.merged()
        let rows = config.remotes.sorted { $0.key < $1.key }.map { name, remote in
            [
                name, remote.uri, name == config.active ? "✓" : "", remote.isSystem ? "✓" : "",
                remote.isExclusive ? "✓" : "", remote.isInsecure ? "✗!" : "✓",
            ]
        }
        try writeTable(["NAME", "URI", "DEFAULT?", "GLOBAL?", "EXCLUSIVE?", "SECURE?"], rows)
    }

    private func token(_ name: String) throws(SkiffError) -> String {
        if let file = invocation[.tokenfile] {
            let bytes = try during("cannot read token file \(file)") { () throws(Errno) in
                try readFile(file, limit: 1 << 20)
            }
            return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        }
        return try invocation.password(asking: "Access Token: ") {
            Log.info(
                "Generate an access token at the remote's web page, and paste it here. Token entered will be hidden.")
        }
    }

    private func login(_ name: String?) throws(SkiffError) {
        if invocation.origin(.username) == .commandLine {
            throw SkiffError(
                "cannot log in to a remote with --username: it knows tokens alone",
                hint: "'registry login' takes a name and a password")
        }
        let merged = try files.merged()
        let (name, remote) = try find(merged, name)
        let token = try token(name)
        guard !token.isEmpty else { throw SkiffError("cannot log in to \(name): no token was given") }
        var asked = remote
        if invocation[.insecure] { asked.isInsecure = true }
        try Endpoint(name: name, remote: asked, http: try HTTPClient()).check(token: token)
        try store(token, name, remote)
        Log.info("Access Token Verified!")
        Log.info("Token stored in \(files.user)")
    }

    private func store(_ token: String, _ name: String, _ remote: RemoteConfig.Remote)
        throws(SkiffError)
    {
        try files.change(isGlobal: false) { (config) throws(SkiffError) in
            if config.remotes[name] == nil { config.remotes[name] = remote }
            config.remotes[name]?.token = token
            if config.active.isEmpty { config.active = name }
        }
    }

    private func logout(_ name: String?) throws(SkiffError) {
        let (name, remote) = try find(try files.merged(), name)
        try store("", name, remote)
        Log.info("Logged out of remote endpoint \"\(name)\"")
    }

    private func status(_ name: String?) throws(SkiffError) {
        let (name, remote) = try find(try files.merged(), name)
        let endpoint = Endpoint(name: name, remote: remote, http: try HTTPClient())
        Log.info("Checking status of remote.")
        let names = [
            "builder": "Builder", "consent": "Consent", "keystore": "Keyserver", "library": "Library", "token": "Token",
        ]
        var rows: [[String]] = []
        for (service, uri) in try endpoint.services(fresh: true).sorted(by: { $0.key < $1.key }) {
            guard let shown = names[service] else { continue }
            let version = endpoint.version(of: uri)
            rows.append([shown, version == nil ? "N/A" : "OK", version ?? "", uri])
        }
        try writeTable(["SERVICE", "STATUS", "VERSION", "URI"], rows)
        guard !remote.token.isEmpty else { return Log.info("No authentication token set (logged out).") }
        if let identity = try endpoint.identity() {
            let user = identity["username"]?.stringValue ?? ""
            let mail = identity["email"]?.stringValue ?? ""
            let name = identity["realname"]?.stringValue ?? user
            try? writeAnswer("\nLogged in as: \(name.printable) <\(mail.printable)>\n")
        }
        do throws(SkiffError) {
            try endpoint.check(token: remote.token)
            Log.info("Valid authentication token set (logged in).")
        } catch {
            throw SkiffError("Authentication token is invalid (please login again): \(error.message)")
        }
    }

    /// Prints the password that `podman login --password-stdin` takes for the library's own registry.
    private func password() throws(SkiffError) {
        let (name, remote) = try find(try files.merged(), nil)
        let endpoint = Endpoint(name: name, remote: remote, http: try HTTPClient())
        guard let secret = try endpoint.identity()?["oidc_user_meta"]?["secret"]?.stringValue, !secret.isEmpty else {
            throw SkiffError(
                "cannot get the password: remote \(name) knows no user of this token", hint: "Use 'remote login'")
        }
        try? writeFully(1, secret + "\n")
    }
}
