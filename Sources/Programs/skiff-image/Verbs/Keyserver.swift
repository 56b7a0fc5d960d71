import Base
import Grammar
import HTTP
import Linux
import Registry
import Signing

/// `keyserver add`, `remove`, `list`, `login` and `logout` (Docs/spec/cli.md §11).
struct KeyserverCommand {
    let invocation: Invocation
    /// Those of this installation, or the one of `--config`.
    let files: RemoteFiles

    func run() throws(SkiffError) {
        switch invocation.command {
        case "keyserver list": try list()
        case "keyserver login": try login()
        case "keyserver logout": try logout()
        default: try change()
        }
    }

    private func url(_ text: String) throws(SkiffError) -> String {
        var uri = text
        while uri.hasSuffix("/") { uri.removeLast() }
        guard Keyserver(uri) != nil else { throw SkiffError("cannot use keyserver \(text): it is no address") }
        return uri
    }

    private func change() throws(SkiffError) {
        let isGlobal = !invocation.isGiven(.config)
        guard !isGlobal || effectiveUID() == 0 else {
            throw SkiffError(
                "cannot change the keyservers of all users: only root may",
                hint: "--config FILE changes those of a file of yours")
        }
        let words = invocation.positionals
        guard let last = words.last else { throw SkiffError("accepts between 1 and 2 arg(s)", code: .usage) }
        let uri = try url(last)
        let isAdded = invocation.command == "keyserver add"
        let order = invocation[.order].map { $0 - 1 }
        if let order, order < 0 { throw SkiffError("cannot use order 0: the first keyserver is number 1") }
        let merged = try files.merged()
        let name = words.count > 1 ? words[0] : merged.active
        guard let known = merged.remotes[name] else { throw SkiffError("\(name) is not a remote") }
        if isAdded, uri.hasPrefix("http://"), !invocation[.insecure] {
            throw SkiffError("cannot add keyserver \(uri): http URI requires --insecure")
        }
        try files.change(isGlobal: isGlobal) { (config) throws(SkiffError) in
            var remote = config.remotes[name] ?? known
            // If it counted as the administrator's, it would give way to the one of the same name in the system's file.
            remote.isSystem = isGlobal
            if remote.keyservers.isEmpty, let own = Self.own(remote) {
                remote.keyservers = [.init(uri: own)]
            }
            if isAdded {
                guard !remote.keyservers.contains(where: { $0.uri == uri && !$0.isSkipped }) else {
                    throw SkiffError("cannot add keyserver \(uri): it is one of \(name) already")
                }
                remote.keyservers.removeAll { $0.uri == uri }
                let new = RemoteConfig.Keyserver(uri: uri, isExternal: true, isInsecure: invocation[.insecure])
                guard (order ?? 0) <= remote.keyservers.count else {
                    throw SkiffError("cannot add keyserver \(uri): there are only \(remote.keyservers.count)")
                }
                remote.keyservers.insert(new, at: order ?? remote.keyservers.count)
            } else {
                guard let index = remote.keyservers.firstIndex(where: { $0.uri == uri && !$0.isSkipped }) else {
                    throw SkiffError("cannot remove keyserver \(uri): it is none of \(name)")
                }
                // The remote's own key server cannot be removed, only skipped.
                if remote.keyservers[index].isExternal {
                    remote.keyservers.remove(at: index)
                } else {
                    remote.keyservers[index].isSkipped = true
                }
            }
            config.remotes[name] = remote
        }
        Log.info(isAdded ? "Keyserver \(uri) added to \(name)." : "Keyserver \(uri) removed from \(name).")
    }

    /// Returns the key server that the remote itself offers.
    private static func own(_ remote: RemoteConfig.Remote) -> String? {
        remote.uri == RemoteConfig.standard.uri ? RemoteConfig.standardKeyserver : nil
    }

    private func list() throws(SkiffError) {
        let config = try files.merged()
        let wanted = invocation.positionals.first
        if let wanted, config.remotes[wanted] == nil { throw SkiffError("\(wanted) is not a remote") }
        var text = "\n"
        for (name, remote) in config.remotes.sorted(by: { $0.key < $1.key }) where wanted == nil || wanted == name {
            let marks = (remote.isSystem ? "*" : "") + (name == config.active ? "^" : "")
            text += "\(name) \(marks)\n"
            var servers = remote.keyservers.filter { !$0.isSkipped }
            if servers.isEmpty, remote.keyservers.isEmpty, let own = Self.own(remote) { servers = [.init(uri: own)] }
            for (index, server) in servers.enumerated() {
                text += "   #\(index + 1)  \(server.uri)  \(server.isInsecure ? "" : "🔒")\n"
            }
            text += "\n"
        }
        text += "(* = system endpoint, ^ = default endpoint)\n"
        try during("cannot write the list") { () throws(Errno) in try writeAnswer(text) }
    }

    private func login() throws(SkiffError) {
        let uri = try url(invocation.positionals.first ?? "")
        let user = try LoginPrompt.name(given: invocation[.username])
        let auth = Credential.password(user: user, try invocation.password()).basic ?? ""
        guard let server = Keyserver(uri) else { throw SkiffError("cannot use keyserver \(uri): it is no address") }
        var request = HTTPRequest("GET", server.address)
        request["Authorization"] = auth
        let http = try HTTPClient()
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try http.send(request)
        } catch {
            throw error.described("cannot log in to \(uri)")
        }
        guard response.status != 401, response.status != 403 else {
            throw SkiffError("cannot log in to \(uri): wrong user name or password")
        }
        try files.change(isGlobal: false) { (config) throws(SkiffError) in
            config.keep(.init(uri: uri, auth: auth, isInsecure: invocation[.insecure]))
        }
        Log.info("Token stored in \(files.user)")
    }

    private func logout() throws(SkiffError) {
        let uri = try url(invocation.positionals.first ?? "")
        try files.change(isGlobal: false) { (config) throws(SkiffError) in
            guard config.forgetLogin(uri) else {
                throw SkiffError("cannot log out of \(uri): you are not logged in there")
            }
        }
        Log.info("Logout succeeded")
    }
}
