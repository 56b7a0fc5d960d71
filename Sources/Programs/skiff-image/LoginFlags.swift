import Base
import Grammar
import Registry

extension Invocation {
    /// Returns the password or token that a login is given: by `--password-stdin`, by `--password`, or as the answer to a
    /// question.
    ///
    /// - Parameter explain: called before the question.
    func password(asking question: String = "Enter Password: ", explain: () -> Void = {}) throws(SkiffError) -> String {
        if self[.passwordStdin] { return try LoginPrompt.passwordFromInput() }
        if let given = self[.password] { return given }
        explain()
        return try LoginPrompt.password(question)
    }
}
