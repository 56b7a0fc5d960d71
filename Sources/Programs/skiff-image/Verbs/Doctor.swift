import Base
import Core
import Doctor
import Grammar
import Linux

/// `doctor`: what of this host keeps containers from running, or makes them worse.
struct DoctorCommand {
    private let invocation: Invocation
    private let installation: Installation

    init(_ invocation: Invocation, _ installation: Installation) {
        (self.invocation, self.installation) = (invocation, installation)
    }

    /// - Returns: 1 when an ordinary launch fails here.
    func run() throws(SkiffError) -> Int32 {
        let findings = try Examination(
            installation, try Settings.load(invocation, installation), removesLeftovers: invocation[.clean]
        ).findings()
        let faults = findings.count { $0.level == .fault }
        let text: String
        if invocation[.json] {
            text =
                JSONText.members([
                    "findings": .array(findings.map(\.json)), "faults": .integer(Int64(faults)),
                    "warnings": .integer(Int64(findings.count { $0.level == .warning })),
                ]).text(indent: "    ") + "\n"
        } else {
            text = findings.map(\.text).joined()
        }
        try during("cannot write the findings") { () throws(Errno) in try writeAnswer(text) }
        return faults == 0 ? 0 : 1
    }
}
