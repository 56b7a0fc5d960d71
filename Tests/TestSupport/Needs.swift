import CLinux
import Linux
import Testing

/// Skips a test, or the tests of a suite, on a host that lacks something. Each skip is noted with its reason, and
/// `Scripts/check-skips` calls one that the host did not need a failure.
package struct Needs: TestTrait, SuiteTrait {
    let facilities: [Facility]

    package var isRecursive: Bool { true }

    package func prepare(for test: Test) async throws {
        for facility in facilities {
            guard let reason = facility.missing else { continue }
            // A suite hands the trait on to each of its tests, which are counted themselves.
            if !test.isSuite { note(test, facility, reason) }
            try Test.cancel("\(reason)")
        }
    }
}

extension Trait where Self == Needs {
    /// Returns a trait that names what the host must have for this test.
    package static func needs(_ facilities: Facility...) -> Needs { Needs(facilities: facilities) }
}

/// Skips the rest of the running test case when the host lacks something that only this case needs: Swift Testing does
/// not tell a trait the arguments of a case.
package func need(_ facilities: Facility...) throws {
    for facility in facilities {
        guard let reason = facility.missing else { continue }
        if let test = Test.current { note(test, facility, reason) }
        try Test.cancel("\(reason)")
    }
}

/// Adds a line to the file that `SKIFF_SKIPS` names: test, facility, reason.
private func note(_ test: Test, _ facility: Facility, _ reason: String) {
    guard let path = environmentValue("SKIFF_SKIPS"),
        let list = try? open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o666)
    else { return }
    try? writeFully(list.raw, "\(test.displayName ?? test.name)\t\(facility.rawValue)\t\(reason)\n")
}
