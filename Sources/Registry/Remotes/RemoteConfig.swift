package import Base
import Core
import Linux

/// `remote.yaml`: endpoints of libraries and keyservers, and logins of registries (Docs/spec/sif-use.md §8).
package struct RemoteConfig: Sendable, Equatable {
    package struct Keyserver: Sendable, Equatable {
        package var uri: String
        package var isSkipped = false
        package var isExternal = false
        package var isInsecure = false
        package init(uri: String, isSkipped: Bool = false, isExternal: Bool = false, isInsecure: Bool = false) {
            (self.uri, self.isSkipped) = (uri, isSkipped)
            (self.isExternal, self.isInsecure) = (isExternal, isInsecure)
        }
    }

    package struct Remote: Sendable, Equatable {
        package var uri: String
        package var token = ""
        /// Whether it is from the administrator's file.
        package var isSystem = false
        package var isExclusive = false
        package var isInsecure = false
        package var keyservers: [Keyserver] = []
        package init(uri: String) { self.uri = uri }
    }

    /// A login to a registry.
    package struct Login: Sendable, Equatable {
        package var uri: String
        package var auth: String
        package var isInsecure: Bool
        package init(uri: String, auth: String, isInsecure: Bool) {
            (self.uri, self.auth, self.isInsecure) = (uri, auth, isInsecure)
        }
    }

    /// The name of the remote in use; empty for none.
    package var active = ""
    package var remotes: [String: Remote] = [:]
    package var logins: [Login] = []

    /// The built-in remote: no library, and the key server keys.openpgp.org.
    package static let standardName = "DefaultRemote"
    package static let standardKeyserver = "https://keys.openpgp.org"
    package static var standard: Remote {
        var remote = Remote(uri: "cloud.apptainer.org")
        remote.isSystem = true
        return remote
    }

    package init() {}

    package init(parsing text: String) throws(SkiffError) {
        let yaml = try SimpleYAML(parsing: text)
        active = yaml["Active"]?.text ?? ""
        if case .map(let members) = yaml["Remotes"] {
            for member in members {
                var remote = Remote(uri: member.value["URI"]?.text ?? "")
                remote.token = member.value["Token"]?.text ?? ""
                remote.isSystem = member.value["System"]?.isTrue ?? false
                remote.isExclusive = member.value["Exclusive"]?.isTrue ?? false
                remote.isInsecure = member.value["Insecure"]?.isTrue ?? false
                remote.keyservers = (member.value["Keyservers"]?.items ?? []).map { item in
                    Keyserver(
                        uri: item["URI"]?.text ?? "", isSkipped: item["Skip"]?.isTrue ?? false,
                        isExternal: item["External"]?.isTrue ?? false, isInsecure: item["Insecure"]?.isTrue ?? false)
                }
                remotes[member.key] = remote
            }
        }
        logins = (yaml["Credentials"]?.items ?? []).map { item in
            Login(
                uri: item["URI"]?.text ?? "", auth: item["Auth"]?.text ?? "",
                isInsecure: item["Insecure"]?.isTrue ?? false)
        }
    }

    package var text: String {
        func flag(_ value: Bool) -> SimpleYAML { .scalar(value ? "true" : "false") }
        var members = [SimpleYAML.Member("Active", .scalar(active))]
        members.append(
            .init(
                "Remotes",
                .map(
                    remotes.sorted { $0.key < $1.key }.map { name, remote in
                        var fields: [SimpleYAML.Member] = [.init("URI", .scalar(remote.uri))]
                        if !remote.token.isEmpty { fields.append(.init("Token", .scalar(remote.token))) }
                        fields.append(.init("System", flag(remote.isSystem)))
                        fields.append(.init("Exclusive", flag(remote.isExclusive)))
                        if remote.isInsecure { fields.append(.init("Insecure", flag(true))) }
                        if !remote.keyservers.isEmpty {
                            fields.append(.init("Keyservers", .list(remote.keyservers.map(Self.yaml))))
                        }
                        return .init(name, .map(fields))
                    })))
        if !logins.isEmpty {
            members.append(
                .init(
                    "Credentials",
                    .list(
                        logins.map { login in
                            .map([
                                .init("URI", .scalar(login.uri)), .init("Auth", .scalar(login.auth)),
                                .init("Insecure", flag(login.isInsecure)),
                            ])
                        })))
        }
        return SimpleYAML.map(members).written()
    }

    private static func yaml(_ keyserver: Keyserver) -> SimpleYAML {
        var fields: [SimpleYAML.Member] = [.init("URI", .scalar(keyserver.uri))]
        if keyserver.isSkipped { fields.append(.init("Skip", .scalar("true"))) }
        fields.append(.init("External", .scalar(keyserver.isExternal ? "true" : "false")))
        if keyserver.isInsecure { fields.append(.init("Insecure", .scalar("true"))) }
        return .map(fields)
    }

    /// A configuration without remotes has the built-in one, which is in use.
    package mutating func addStandard() {
        guard remotes.isEmpty else { return }
        remotes[Self.standardName] = Self.standard
        active = Self.standardName
    }

    /// Keeps a login, in the place of an earlier one for the same address.
    package mutating func keep(_ login: Login) {
        if active.isEmpty { addStandard() }
        logins.removeAll { $0.uri == login.uri }
        logins.append(login)
    }

    /// Drops the login for an address.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    package mutating func forgetLogin(_ uri: String) -> Bool {
        let count = logins.count
        logins.removeAll { $0.uri == uri }
        return logins.count < count
    }

    /// Returns the user's remotes with those of the administrator added: a system remote unless the user has one of its
    /// name, and an exclusive one as the remote in use.
    package func merged(with system: RemoteConfig) -> RemoteConfig {
        var result = self
        for (name, remote) in system.remotes where result.remotes[name] == nil || result.remotes[name]?.isSystem == true
        {
            var remote = remote
            remote.isSystem = true
            remote.token = result.remotes[name]?.token ?? ""
            result.remotes[name] = remote
            if remote.isExclusive { result.active = name }
        }
        if result.active.isEmpty { result.active = system.active }
        return result
    }
}

/// The user's and the administrator's file of remotes.
package struct RemoteFiles: Sendable {
    package let user: String
    package let system: String
    private let isUserNamed: Bool

    /// - Parameter named: `--config`.
    package init(_ installation: Installation, named: String? = nil) throws(SkiffError) {
        isUserNamed = named != nil
        user = try absolutePath(named ?? ConfigurationDirectory.path + "/remote.yaml")
        system = installation.configurationDirectory + "/remote.yaml"
    }

    package func read(_ path: String) throws(SkiffError) -> RemoteConfig {
        let isUsers = path == user && !isUserNamed
        let file = ConfigurationFile(path, isUsers ? .user : .administrator, name: "remote configuration")
        // An absent file is an empty one.
        guard let bytes = try file.read(limit: 4 << 20) else { return RemoteConfig() }
        do throws(SkiffError) {
            return try RemoteConfig(parsing: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw SkiffError("cannot read remote configuration \(path): \(error.message)")
        }
    }

    /// Returns the remotes of both files, or the built-in one when there are none.
    package func merged() throws(SkiffError) -> RemoteConfig {
        var config = try read(user).merged(with: try read(system))
        config.addStandard()
        return config
    }

    package func change(isGlobal: Bool, _ body: (inout RemoteConfig) throws(SkiffError) -> Void) throws(SkiffError) {
        let path = isGlobal ? system : user
        var config = try read(path)
        try body(&config)
        try replaceFile(path, config.text, durable: true)
        if isGlobal {
            try during("cannot open \(path) to everybody") { () throws(Errno) in try chmod(path, 0o644) }
        }
    }
}
