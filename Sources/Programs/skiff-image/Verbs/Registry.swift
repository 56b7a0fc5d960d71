import Base
import Grammar
import HTTP
import Linux
import Registry

/// `registry login`, `logout` and `list` (Docs/spec/cli.md §11).
struct RegistryCommand {
    let invocation: Invocation
    /// Those of this installation, or the one of `--config`.
    let files: RemoteFiles

    func run() throws(SkiffError) {
        switch invocation.command {
        case "registry login": try login()
        case "registry logout": try logout()
        default: try list()
        }
    }

    /// Returns the registry, and the registry with the path, of `docker://host[/path]` or `oras://host[/path]`.
    private func place(_ uri: String) throws(SkiffError) -> (registry: String, name: String) {
        guard let parsed = ImageURI(uri), ["docker", "oras"].contains(parsed.transport) else {
            throw SkiffError(
                "cannot use \(uri): only docker:// and oras:// registries can be logged in to",
                hint: "docker://HOST is the form")
        }
        var name = parsed.reference
        while name.hasSuffix("/") { name.removeLast() }
        var registry = String(name.prefix { $0 != "/" })
        if registry == "index.docker.io" || registry.isEmpty { registry = RegistryReference.dockerHub }
        if name.isEmpty { name = registry }
        // A name below a registry is checked like any reference.
        let path = name.contains("/") ? name : registry + "/any"
        _ = try RegistryReference(path, needsRegistry: true)
        return (registry, name)
    }

    private func login() throws(SkiffError) {
        guard let uri = invocation.positionals.first else { throw SkiffError("accepts 1 arg(s)", code: .usage) }
        let (registry, name) = try place(uri)
        let user = try LoginPrompt.name(given: invocation[.username])
        guard !user.isEmpty else { throw SkiffError("cannot log in to \(registry): a user name is needed") }
        let password = try invocation.password(asking: "Enter Password / Token: ")
        let isInsecure = invocation[.insecure]
        let reference = try RegistryReference(registry + "/any", needsRegistry: true)
        let client = RegistryClient(
            reference, http: try HTTPClient(), credential: .password(user: user, password), insecure: isInsecure)
        let response = try client.ping()
        guard response.isSuccess else { throw RegistryProblem.described("cannot log in to \(registry)", response) }
        let file = try AuthFile.forLogin(named: invocation[.authfile])
        try file.change { $0.set(name == "index.docker.io" ? registry : name, (user, password)) }
        try files.change(isGlobal: false) { (config) throws(SkiffError) in
            let auth = Credential.password(user: user, password).basic ?? ""
            config.keep(.init(uri: uri, auth: auth, isInsecure: isInsecure))
        }
        Log.info("Token stored in \(file.path)")
    }

    private func logout() throws(SkiffError) {
        guard let uri = invocation.positionals.first else {
            throw SkiffError(
                "cannot log out: no registry is named", hint: "'registry list' shows where you are logged in")
        }
        let (_, name) = try place(uri)
        let hadLogin = try AuthFile.forLogin(named: invocation[.authfile]).forget(name)
        guard try files.read(files.user).logins.contains(where: { $0.uri == uri }) || hadLogin else {
            return Log.warning("There is no login for \(uri); 'registry list' shows where you are logged in")
        }
        try files.change(isGlobal: false) { (config) throws(SkiffError) in config.forgetLogin(uri) }
        Log.info("Logout succeeded")
    }

    private func list() throws(SkiffError) {
        let rows = try files.merged().logins.map { [$0.uri, $0.isInsecure ? "✗!" : "✓"] }
        try writeTable(["URI", "SECURE?"], rows)
    }
}

/// Writes an empty line, then columns with two spaces between them.
func writeTable(_ header: [String], _ rows: [[String]]) throws(SkiffError) {
    var text = "\n"
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    for row in all {
        var line = ""
        for (column, cell) in row.enumerated() {
            line += cell
            if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
        }
        text += line + "\n"
    }
    try during("cannot write the list") { () throws(Errno) in try writeAnswer(text) }
}
