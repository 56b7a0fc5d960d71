import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Names and words in no encoding, as old data sets have them, reach the program as they are.
    @Suite struct OddBytes {
        /// Runs with `x\xffy` in the shell's variable `odd`.
        private func run(_ script: String, _ image: String, as profile: Profile) throws -> Outcome {
            let folder = try WorkDirectory.make(for: profile)
            return try skiffCommand([], as: profile) {
                $0.words = ["/bin/sh", "-c", "odd=$(printf 'x\\377y'); \(script)", $0.words[0], image]
                $0.directory = folder
            }.run()
        }

        @Test(arguments: Profile.allCases, ImageKind.allCases) func argumentsStay(profile: Profile, kind: ImageKind)
            throws
        {
            try need(profile)
            let image = try kind.path(for: profile)
            for word in ["\"$odd\"", "\"$odd/$odd\"", "\"$(printf '\\377')\""] {
                let script =
                    "exec \"$0\" exec \"$1\" sh -c 'printf %s \"$1\"' sh \(word) | od -An -tx1; printf %s \(word) | od -An -tx1"
                let outcome = try run(script, image, as: profile)
                let lines = outcome.standardOutput.split(separator: "\n")
                #expect(lines.count == 2 && lines.first == lines.last, "\(outcome)")
            }
        }

        @Test(arguments: Profile.allCases) func variablesStay(profile: Profile) throws {
            try need(profile)
            let image = try Images.shared.get().directory
            for name in ["V", "APPTAINERENV_V", "SINGULARITYENV_V"] {
                let script = "export \(name)=\"$odd\"; \"$0\" exec \"$1\" sh -c 'printf %s \"$V\"' | od -An -tx1"
                let outcome = try run(script, image, as: profile)
                #expect(outcome.line == " 78 ff 79", "\(name): \(outcome)")
            }
        }
    }
}
