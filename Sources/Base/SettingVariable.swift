import Linux

/// Returns a variable of the environment that has no flag, given without its prefix: `CACHEDIR`. The names are tried in
/// the same order as for flags; a value of only white space counts as not set (Docs/spec/cli.md §1.3).
package func settingVariable(_ key: String) -> String? {
    for prefix in ["SKIFF_", "APPTAINER_", "SINGULARITY_"] {
        if let value = environmentValue(prefix + key), value.contains(where: { !$0.isWhitespace }) { return value }
    }
    return nil
}

/// Returns the environment without the variables that hold keys of encrypted images: for programs that do not need them.
package func environmentWithoutKeys() -> [String] {
    environmentStrings().filter { line in
        !["SKIFF_", "APPTAINER_", "SINGULARITY_"].contains { prefix in
            ["PASSPHRASE=", "PEM_DATA="].contains { line.hasPrefix(prefix + "ENCRYPTION_" + $0) }
        }
    }
}

/// The user's directory for configuration, keys and cache: `APPTAINER_CONFIGDIR`, else `~/.apptainer`
/// (Docs/spec/cli.md §18).
package enum ConfigurationDirectory {
    package static var path: String {
        settingVariable("CONFIGDIR") ?? (home == "/" ? "" : home) + "/.apptainer"
    }

    /// Returns one name for a host or a user below it: their names are anybody's choice.
    package static func component(_ name: String) -> String {
        let safe = String(bytes: name.bytes.map { $0 == ASCII.slash ? ASCII.underscore : $0 })
        return safe.isEmpty || safe == "." || safe == ".." ? "_" : safe
    }

    /// `$HOME`, else what the user database says, else `/`.
    package static var home: String {
        if let home = environmentValue("HOME"), home.hasPrefix("/") { return home }
        return userRecord(uid: realUID())?.home ?? "/"
    }

    /// Creates it, accessible to its owner only: its contents say where the user goes and with which keys.
    package static func make() throws(SkiffError) -> String {
        let path = self.path
        try during("cannot make the configuration directory \(path)") { () throws(Errno) in
            try makeDirectories(path, mode: 0o700)
            if try status(path).permissions != 0o700 { try? chmod(path, 0o700) }
        }
        return path
    }
}
