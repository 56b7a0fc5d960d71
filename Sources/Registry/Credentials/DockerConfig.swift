package import Base
import Core
import Linux

/// A docker configuration file: credentials by registry (Docs/spec/sif-use.md §5). Unknown members are kept.
package struct DockerConfig: Sendable {
    private var json: JSONText

    /// Docker's key for the default registry.
    static let hubKey = "https://index.docker.io/v1/"

    package init() { json = .object([]) }

    /// - Throws: when it is not a JSON object.
    package init(parsing bytes: [UInt8]) throws(SkiffError) {
        if bytes.allSatisfy({ $0 <= 0x20 }) {
            json = .object([])
            return
        }
        do throws(JSONReader.Malformed) {
            json = try JSONReader.read(bytes)
        } catch {
            throw SkiffError("cannot read docker configuration: \(error)")
        }
        guard case .object = json else { throw SkiffError("cannot read docker configuration: it is no JSON object") }
    }

    package var text: String { json.text(indent: "\t") + "\n" }

    /// Returns the name of the helper program for a registry, without `docker-credential-`.
    package func helper(for registry: String) -> String? {
        for key in Self.keys(registry, "") {
            if let name = json["credHelpers"]?[key]?.stringValue { return name.isEmpty ? nil : name }
        }
        guard let store = json["credsStore"]?.stringValue, !store.isEmpty else { return nil }
        return store
    }

    /// Returns the credential in the file itself: for the repository, else for a part of its path, else for the
    /// registry.
    package func credential(for registry: String, repository: String = "") -> Credential? {
        guard case .object(let entries) = json["auths"] else { return nil }
        for key in Self.keys(registry, repository) {
            guard let entry = entries.last(where: { Self.normalized($0.name) == Self.normalized(key) })?.value else {
                continue
            }
            if let found = Self.credential(entry) { return found }
        }
        return nil
    }

    private static func keys(_ registry: String, _ repository: String) -> [String] {
        var keys: [String] = []
        var parts = repository.split(separator: "/")
        while !parts.isEmpty {
            keys.append(registry + "/" + parts.joined(separator: "/"))
            parts.removeLast()
        }
        keys.append(registry)
        return registry == RegistryReference.dockerHub ? keys + [hubKey, "index.docker.io"] : keys
    }

    /// Returns the host of a key; old files have `https://host/v2/`.
    private static func normalized(_ key: String) -> String {
        var text = Substring(key)
        for scheme in ["https://", "http://"] where text.hasPrefix(scheme) { text = text.dropFirst(scheme.count) }
        while text.hasSuffix("/") { text.removeLast() }
        for suffix in ["/v1", "/v2"] where text.hasSuffix(suffix) { text = text.dropLast(3) }
        return String(text)
    }

    private static func credential(_ entry: JSONText) -> Credential? {
        if let token = entry["registrytoken"]?.stringValue, !token.isEmpty { return .registryToken(token) }
        if let token = entry["identitytoken"]?.stringValue, !token.isEmpty { return .identityToken(token) }
        if let user = entry["username"]?.stringValue, let password = entry["password"]?.stringValue, !user.isEmpty {
            return .password(user: user, password)
        }
        guard let bytes = entry["auth"]?.stringValue.flatMap({ Base64.decode($0) }) else { return nil }
        let text = String(bytes: bytes)
        guard let colon = text.firstIndex(of: ":") else { return nil }
        var password = text[text.index(after: colon)...]
        // Docker's tools pad with NUL.
        while password.last == "\0" { password.removeLast() }
        return colon == text.startIndex ? nil : .password(user: String(text[..<colon]), String(password))
    }

    /// Returns whether the file itself has a login for exactly this registry, or this part of it.
    func hasLogin(_ registry: String) -> Bool {
        let key = registry == RegistryReference.dockerHub ? Self.hubKey : registry
        guard case .object(let entries) = json["auths"] else { return false }
        return entries.contains { Self.normalized($0.name) == Self.normalized(key) }
    }

    /// Sets the user and password for a registry, or with nil removes them.
    package mutating func set(_ registry: String, _ login: (user: String, password: String)?) {
        let key = registry == RegistryReference.dockerHub ? Self.hubKey : registry
        var members: [JSONText.Member] = []
        if case .object(let found) = json { members = found }
        var entries: [JSONText.Member] = []
        if case .object(let found) = json["auths"] { entries = found }
        entries.removeAll { Self.normalized($0.name) == Self.normalized(key) }
        if let login {
            let auth = Base64.encode("\(login.user):\(login.password)".bytes)
            entries.append(.init(key, .members(["auth": .string(auth)])))
        }
        members.removeAll { $0.name == "auths" }
        json = .object([.init("auths", .object(entries))] + members)
    }
}
