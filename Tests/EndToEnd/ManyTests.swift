import CLinux
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// A job that starts all its ranks at once.
    @Suite struct Many {
        @Test(arguments: Profile.allCases, ImageKind.allCases) func fiftyAtOnce(profile: Profile, kind: ImageKind)
            throws
        {
            try need(profile)
            let image = try kind.path(for: profile)
            let running = try (0..<50).map { number in
                try skiffCommand(["exec", image, "/inside", "exit", "\(number)"], as: profile).start()
            }
            for (number, command) in running.enumerated() {
                let outcome = try command.wait(seconds: 60)
                #expect(outcome.end == .exited(CInt(number)), "\(outcome)")
            }
        }
    }
}
