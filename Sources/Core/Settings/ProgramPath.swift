import Linux

/// Where helper programs are searched: `binary path`, with the caller's own PATH in place of `$PATH`.
package struct ProgramPath: Sendable, Equatable {
    package let directories: [String]
    /// The value of PATH for a helper that starts programs of its own: the directories above first.
    package let text: String

    /// The usual directories.
    package static let system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// - Parameter own: the caller's PATH.
    package init(_ settings: Settings, own: String? = environmentValue("PATH")) {
        let own = own ?? ""
        directories = Self.absolute(
            settings.binaryPath.split(separator: ":").flatMap { $0 == "$PATH" ? own.split(separator: ":") : [$0] })
        text = Self.absolute(
            directories.map { $0[...] } + own.split(separator: ":") + Self.system.split(separator: ":")
        ).joined(separator: ":")
    }

    /// Returns each directory once. Relative ones are dropped, as they differ with the current directory.
    private static func absolute(_ directories: [Substring]) -> [String] {
        directories.reduce(into: []) { result, path in
            if path.hasPrefix("/") && !result.contains(String(path)) { result.append(String(path)) }
        }
    }

    /// Returns the first executable file of that name.
    package func find(_ name: String) -> String? {
        for directory in directories {
            let path = directory + "/" + name
            if isAccessible(path, .execute), (try? status(path).isRegular) == true { return path }
        }
        return nil
    }
}
