/// Variables with special behaviour in one shell or another. Comparisons, not sets: this runs once in a process that
/// lives a millisecond, and building a set costs more than asking it.
enum ShellSpecial {
    static let separators: [UInt8] = Array("IFS".utf8)

    /// Whether assigning to `name` does more than store a value, or fails.
    static func isReserved(_ name: [UInt8]) -> Bool {
        switch String(decoding: name, as: UTF8.self) {
        case "_", "IFS", "UID", "GID", "EUID", "PPID", "GROUPS", "LINENO", "OPTARG", "OPTERR", "OPTIND", "RANDOM",
            "SRANDOM",
            "SECONDS", "EPOCHSECONDS", "EPOCHREALTIME", "HISTCMD", "COMP_WORDBREAKS", "DIRSTACK", "FUNCNAME",
            "PIPESTATUS",
            "GLOBIGNORE", "POSIXLY_CORRECT", "SHELLOPTS", "BASHOPTS", "BASHPID", "BASH_VERSINFO", "BASH_COMMAND",
            "BASH_SUBSHELL":
            true
        default: false
        }
    }

    /// Whether a shell may have a value for `name` that we cannot know, even if nobody set it.
    static func isProvided(_ name: [UInt8]) -> Bool {
        switch String(decoding: name, as: UTF8.self) {
        case "HOSTNAME", "HOSTTYPE", "MACHTYPE", "OSTYPE", "BASH", "BASH_VERSION", "BASH_SOURCE", "PS4": true
        default: isReserved(name)
        }
    }
}
