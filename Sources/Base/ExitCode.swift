import Linux

/// The only place where an error becomes an exit status (Docs/spec/cli.md §1.4); scripts depend on the numbers.
extension SkiffError.Code {
    package var exitStatus: Int32 {
        switch self {
        case .usage, .command, .contained: 1
        default: 255
        }
    }
}

/// Prints an error in the form that scripts know: FATAL for our own failures, ERROR for a command without success, and
/// plain text on stdout for what Apptainer's action script says.
package func report(_ error: SkiffError) {
    switch error.code {
    case .contained: try? writeFully(1, error.description + "\n")
    case .command: Log.message(.error, error)
    default: Log.message(.fatal, error)
    }
}
