import Base
import CLinux
import Grammar
import Linux

/// The file of `--log`, in which an engine looks for the reason why a command failed.
struct RuntimeLog {
    private let path: String?
    private let isJSON: Bool

    init(_ invocation: Invocation) {
        path = invocation.globalFlags[.log]
        isJSON = invocation.globalFlags[.logFormat] == "json"
    }

    func write(_ error: SkiffError) {
        guard let path else { return }
        let time = universalTimeText(currentTime())
        let line =
            isJSON
            ? JSONText.members(["level": .string("error"), "msg": .string(error.description), "time": .string(time)])
                .text()
            : "time=\"\(time)\" level=error msg=\(JSONText.string(error.description).text())"
        do throws(Errno) {
            let file = try open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, mode: 0o600)
            try writeFully(file.raw, line + "\n")
        } catch {
            Log.warning("cannot write \(path): \(error)")
        }
    }
}
