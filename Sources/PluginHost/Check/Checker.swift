package import Base
import CLinux
import Core
import Linux

/// Tests a plugin against the rules of the interface: what this accepts is the real specification.
///
/// Each test runs in a process of its own, so that a plugin that crashes or spoils its process fails one test and no other.
package struct Checker {
    package enum Outcome: String {
        case success, warning, failed, skipped, crashed
    }

    package struct Result: Equatable {
        package let test: String
        package let outcome: Outcome
        package let message: String
    }

    let manifest: Manifest
    let directory: String

    /// Why its flags are not its alone.
    let conflicts: [String]

    package init(manifest: Manifest, directory: String, conflicts: [String] = []) {
        (self.manifest, self.directory, self.conflicts) = (manifest, directory, conflicts)
    }

    /// In milliseconds; a test that takes longer has failed.
    private static let limit: CInt = 10_000

    var library: String { "\(directory)/\(manifest.library)" }

    /// Runs all tests in order; those that `isWanted` refuses count as skipped.
    package func run(_ isWanted: (String) -> Bool) throws(SkiffError) -> [Result] {
        var results: [Result] = []
        for test in CheckTest.allCases {
            if isWanted(test.rawValue) {
                results.append(try runAlone(test))
            } else {
                results.append(Result(test: test.rawValue, outcome: .skipped, message: ""))
            }
        }
        return results
    }

    /// What the plugin prints goes elsewhere, so that the report is ours alone.
    private func runAlone(_ test: CheckTest) throws(SkiffError) -> Result {
        func result(_ outcome: Outcome, _ message: String) -> Result {
            Result(test: test.rawValue, outcome: outcome, message: message)
        }
        do throws(Errno) {
            let printed = try makeMemoryFile("printed", [])
            let process = try LoneProcess(milliseconds: Self.limit) {
                _ = dup2(printed.raw, 1)
                let (outcome, message) = test.run(self)
                return "\(outcome.rawValue)\t\(message)".bytes
            }
            let call = process.call.map { "\($0.dropFirst(manifest.id.utf8.count + 2)): " } ?? ""
            switch process.end {
            case .late: return result(.failed, "\(call)it does not come back")
            case .broken(let reason): return result(.crashed, call + reason)
            case .answered(let bytes):
                let said = String(bytes: bytes)
                guard let tab = said.firstIndex(of: "\t"), let outcome = Outcome(rawValue: String(said[..<tab])) else {
                    return result(.crashed, "\(call)it spoils the answer")
                }
                if outcome == .success, try status(of: printed.raw).size > 0 {
                    return result(.failed, "it prints to standard output")
                }
                return result(outcome, String(said[said.index(after: tab)...]))
            }
        } catch {
            throw SkiffError("cannot run the test \(test.rawValue)", errno: error)
        }
    }

    package static func text(_ results: [Result]) -> String {
        results.map { result in
            let label = result.outcome.rawValue
            let pad = String(repeating: " ", count: max(1, 9 - label.utf8.count))
            return label + pad + result.test + (result.message.isEmpty ? "" : ": \(result.message.printable)") + "\n"
        }.joined()
    }

    package static func json(_ results: [Result], _ manifest: Manifest) -> String {
        let tests = results.map { result in
            JSONText.members([
                "name": .string(result.test), "result": .string(result.outcome.rawValue),
                "message": .string(result.message),
            ])
        }
        return JSONText.members([
            "plugin": .string(manifest.id), "version": .string(manifest.version), "tests": .array(tests),
        ]).text(indent: "  ") + "\n"
    }
}
