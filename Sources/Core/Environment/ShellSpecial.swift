/// Variables with a life of their own in one shell or another.
enum ShellSpecial {
    static let separators: [UInt8] = Array("IFS".utf8)

    /// Storing into them does more than store, or fails.
    private static let active: Set<[UInt8]> = bytes(
        "IFS RANDOM SECONDS LINENO OPTIND OPTARG OPTERR PPID EUID UID GID GROUPS SHELLOPTS BASHOPTS BASHPID BASH_VERSINFO "
            + "BASH_COMMAND BASH_SUBSHELL FUNCNAME DIRSTACK PIPESTATUS EPOCHSECONDS EPOCHREALTIME SRANDOM HISTCMD "
            + "COMP_WORDBREAKS POSIXLY_CORRECT GLOBIGNORE _")

    /// Some shell answers for them although nobody set them.
    private static let provided: Set<[UInt8]> = active.union(
        bytes("HOSTNAME HOSTTYPE MACHTYPE OSTYPE BASH BASH_VERSION BASH_SOURCE PS4"))

    private static func bytes(_ names: String) -> Set<[UInt8]> {
        Set(names.utf8.split(separator: 0x20).map { Array($0) })
    }

    /// Whether assigning to `name` does more than store a value.
    static func isReserved(_ name: [UInt8]) -> Bool { active.contains(name) }

    /// Whether a shell may have a value for `name` that we cannot know.
    static func isProvided(_ name: [UInt8]) -> Bool { provided.contains(name) }
}
