package import Base
import Core
import Linux

/// A docker configuration file (Docs/spec/sif-use.md §5).
package struct AuthFile: Sendable {
    package let path: String
    /// Whether the user named it, and so expects it to exist.
    private let isNamed: Bool

    package init(named: String) throws(SkiffError) { self.init(path: try absolutePath(named), isNamed: true) }

    /// Returns the files in use, in the order in which they are asked: the one that is named, else that of
    /// `registry login` and that of docker's own tools.
    ///
    /// - Parameter named: `--authfile` or its variable.
    package static func inUse(named: String?) throws(SkiffError) -> [AuthFile] {
        if let named { return [try AuthFile(named: named)] }
        return [
            ConfigurationDirectory.path + "/docker-config.json", ConfigurationDirectory.home + "/.docker/config.json",
        ]
        .map { AuthFile(path: $0, isNamed: false) }
    }

    /// Returns the file that `registry login` writes.
    package static func forLogin(named: String?) throws(SkiffError) -> AuthFile {
        if let named { return try AuthFile(named: named) }
        return AuthFile(
            path: try absolutePath(try ConfigurationDirectory.make() + "/docker-config.json"), isNamed: false)
    }

    private init(path: String, isNamed: Bool) { (self.path, self.isNamed) = (path, isNamed) }

    /// Returns its content. If it cannot be read, warns and returns an empty one: registries are then asked without
    /// credentials.
    package func read() -> DockerConfig {
        do throws(SkiffError) {
            if let bytes = try file.read(limit: 16 << 20) { return try DockerConfig(parsing: bytes) }
            if isNamed { Log.warning("Couldn't read auth file \(path): \(Errno.noSuchFile)") }
        } catch {
            Log.warning("Ignoring \(path): \(error)")
        }
        return DockerConfig()
    }

    private var file: ConfigurationFile {
        ConfigurationFile(path, isNamed ? .administrator : .user, name: "auth file")
    }

    /// Removes the login for a registry or a part of it.
    ///
    /// - Returns: whether there was one.
    package func forget(_ name: String) throws(SkiffError) -> Bool {
        guard let bytes = try file.read(limit: 16 << 20), try DockerConfig(parsing: bytes).hasLogin(name) else {
            return false
        }
        try change { $0.set(name, nil) }
        return true
    }

    /// Replaces it with a changed one, with mode 0600, by rename.
    package func change(_ body: (inout DockerConfig) -> Void) throws(SkiffError) {
        var config = DockerConfig()
        if let bytes = try file.read(limit: 16 << 20) { config = try DockerConfig(parsing: bytes) }
        body(&config)
        try replaceFile(path, config.text, durable: true)
    }
}
