import Base
import Grammar
import Registry

extension Invocation {
    /// Returns the password or token for a login: from `--password-stdin`, from `--password`, or as the answer to a
    /// prompt.
    ///
    /// - Parameter explain: called before the prompt.
    func password(asking question: String = "Enter Password: ", explain: () -> Void = {}) throws(SkiffError) -> String {
        if self[.passwordStdin] { return try LoginPrompt.passwordFromInput() }
        if let given = self[.password] { return given }
        explain()
        return try LoginPrompt.password(question)
    }
}
