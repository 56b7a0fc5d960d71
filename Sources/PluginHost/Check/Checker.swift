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

    package init(manifest: Manifest, directory: String) { (self.manifest, self.directory) = (manifest, directory) }

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

    /// Forks: the test's message comes through a pipe, its outcome from wait(2).
    private func runAlone(_ test: CheckTest) throws(SkiffError) -> Result {
        do throws(Errno) {
            let pipe = try makePipe()
            let output = OwnedFD(adopting: pipe.first)
            let child = try cloneProcess()
            if child == 0 { answer(test, to: pipe.second) }
            try OwnedFD(adopting: pipe.second).close()
            let said = String(decoding: try readToEnd(output.raw, limit: 1 << 20), as: UTF8.self)
            let status = try waitFor(child)?.status
            guard status == .exited(0), let tab = said.firstIndex(of: "\t"),
                let outcome = Outcome(rawValue: String(said[..<tab]))
            else {
                let end = status.map { "\($0)" } ?? "it vanished"
                return Result(test: test.rawValue, outcome: .crashed, message: end)
            }
            return Result(test: test.rawValue, outcome: outcome, message: String(said[said.index(after: tab)...]))
        } catch {
            throw SkiffError("cannot run the test \(test.rawValue)", errno: error)
        }
    }

    private func answer(_ test: CheckTest, to pipe: CInt) -> Never {
        let (outcome, message) = test.run(self)
        do {
            try writeFully(pipe, "\(outcome.rawValue)\t\(message)")
            _exit(0)
        } catch {
            _exit(1)
        }
    }

    package static func text(_ results: [Result]) -> String {
        results.map { result in
            let label = result.outcome.rawValue
            let pad = String(repeating: " ", count: max(1, 9 - label.utf8.count))
            return label + pad + result.test + (result.message.isEmpty ? "" : ": \(result.message)") + "\n"
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
