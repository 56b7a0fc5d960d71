import Linux

/// `UID`, `EUID` and `GID`, which the shell of Apptainer's runtime sets and does not export. bash knows the first two,
/// a POSIX shell none.
package enum IdentityVariables {
    /// The names and values of this process.
    package static var current: [(name: String, value: String)] {
        [("UID", String(realUID())), ("EUID", String(effectiveUID())), ("GID", String(realGID()))]
    }

    package static func has(_ name: String) -> Bool { name == "UID" || name == "EUID" || name == "GID" }
}

extension ScriptEvaluator {
    /// Sets those that are not set.
    package mutating func provideIdentity() {
        for (name, value) in IdentityVariables.current where variables[name] == nil {
            variables.set(Array(name.utf8), Array(value.utf8))
        }
    }

    /// Whether a variable has its value only from `provideIdentity`.
    package func isIdentity(_ name: String) -> Bool { IdentityVariables.has(name) && !variables.isExported(name) }
}
