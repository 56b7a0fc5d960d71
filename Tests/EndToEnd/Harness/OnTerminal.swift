import CLinux
import Linux

extension Command {
    /// Returns the same command on a terminal of its own, where a scenario of `Tests/Inside/terminal.py` types and
    /// looks.
    func onTerminal(_ scenario: String) throws -> Command {
        let script = try Stage.shared.get().root + "/terminal.py"
        // Not all users can read the repository.
        if !isAccessible(script, R_OK) {
            let text = try readFile(Stage.repository + "/Tests/Inside/terminal.py")
            try writeFile(script, text, mode: 0o644)
        }
        var command = self
        command.words = ["/usr/bin/python3", script, scenario] + words
        return command
    }
}
