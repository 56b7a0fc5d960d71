import Base
import Core
import Linux

/// Asks a plugin for networks that nobody has, and for its own with arguments that nobody means. Whatever the answer, a
/// refusal has a reason, and the process goes on. Nothing is attached.
struct NetworkCheck {
    private let checker: Checker

    init(_ checker: Checker) { self.checker = checker }

    private static let arguments = [
        "", "=", "portmap=", "portmap=99999999:-1/sctp", "IP=256.1.1.1/999", "ipRange=\u{7}\n",
        String(repeating: "a", count: 1 << 15) + "=1",
    ]

    func run() throws(SkiffError) -> CheckTest.Verdict {
        let manifest = checker.manifest
        guard !manifest.networks.isEmpty else { return (.skipped, "it has no networks") }
        var names = manifest.networks.filter { $0 != "*" }
        if manifest.networks.contains("*") { names += ["no-such-network", "..", String(repeating: "n", count: 253)] }
        for name in names {
            for argument in Self.arguments {
                var request = Request(action: .exec, image: "/")
                request.networks = [RequestedNetwork(name, arguments: argument.isEmpty ? [] : [argument])]
                let run = try PluginRun(
                    manifest, directory: checker.directory,
                    facts: SessionFacts(request: request, installation: try Installation.current()))
                do throws(SkiffError) {
                    try run.configure()
                } catch {
                    guard run.failedSilently else { continue }
                    return (.failed, "it gives no reason for network \(name.prefix(60)) with '\(argument.prefix(60))'")
                }
            }
        }
        return (.success, "")
    }
}
