import Base
import Linux

/// A program `docker-credential-NAME`, which keeps passwords in some store. It reads the host of the registry and
/// prints JSON.
struct CredentialHelper {
    let name: String

    /// - Returns: nil when it has nothing for the registry, or, with a warning, when it fails.
    func get(_ registry: String) -> Credential? {
        let server = registry == RegistryReference.dockerHub ? DockerConfig.hubKey : registry
        do throws(SkiffError) {
            let answer = try run("get", server)
            guard let json = try? JSONReader.read(answer), let secret = json["Secret"]?.stringValue else { return nil }
            let user = json["Username"]?.stringValue ?? ""
            return user == "<token>" ? .identityToken(secret) : .password(user: user, secret)
        } catch {
            Log.warning("\(error)")
            return nil
        }
    }

    private func run(_ verb: String, _ input: String) throws(SkiffError) -> [UInt8] {
        let program = "docker-credential-" + name
        guard !name.contains("/"), let path = Self.find(program) else {
            throw SkiffError("cannot ask \(program) for credentials: no such program in $PATH")
        }
        return try during("cannot run \(program)") { () throws(Errno) in
            let answer = try output(
                of: path, [program, verb], environment: environmentWithoutKeys(), input: input + "\n", limit: 1 << 20)
            // "credentials not found in native keychain" comes with status 1.
            return answer.status == .exited(0) ? answer.bytes : []
        }
    }

    private static func find(_ program: String) -> String? {
        for folder in (environmentValue("PATH") ?? "/usr/bin:/bin").split(separator: ":") where folder.hasPrefix("/") {
            let path = folder + "/" + program
            if isAccessible(path, .execute) { return path }
        }
        return nil
    }
}
