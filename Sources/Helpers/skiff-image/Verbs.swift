import Core
import Grammar

/// Which code carries out which command: one line each, the rest is in the libraries.
enum Verbs {
    /// - Returns: the exit status.
    static func run(_ invocation: Invocation, _ installation: Installation) throws(SkiffError) -> Int32 {
        switch invocation.command {
        default: throw SkiffError("cannot run \(invocation.command): it is no command of skiff-image")
        }
    }
}
