package import Base

/// The sources of credentials for registries, in order: prompt, flags and variables, the files and their helpers
/// (Docs/spec/sif-use.md §5).
package struct CredentialSource: Sendable {
    /// The credential for the registry that the user named. Mirrors and token servers elsewhere do not get it.
    private let given: Credential?
    private let files: [AuthFile]

    package init(given: Credential?, file: AuthFile) { (self.given, files) = (given, [file]) }

    /// - Parameters:
    ///   - login: `--docker-login`.
    ///   - user, password: `--docker-username` and `--docker-password` or their variables.
    package init(login: Bool, user: String?, password: String?, authFile: String?) throws(SkiffError) {
        files = try AuthFile.inUse(named: authFile)
        if login {
            let user = try LoginPrompt.name()
            given = .password(user: user, try LoginPrompt.password())
        } else if user != nil || password != nil {
            given = .password(user: user ?? "", password ?? "")
        } else {
            given = nil
        }
    }

    package func credential(for registry: String, repository: String, isNamed: Bool = true) -> Credential {
        if isNamed, let given { return given }
        if registry.isEmpty { return .none }
        for file in files {
            let config = file.read()
            if let helper = config.helper(for: registry), let found = CredentialHelper(name: helper).get(registry) {
                return found
            }
            if let found = config.credential(for: registry, repository: repository) { return found }
        }
        return .none
    }
}
