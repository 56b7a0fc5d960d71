import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Sources of `%files` with the caller's variables, and never another file (Docs/spec/deffile.md §4.1).
    @Suite struct FilesSources {
        private struct Bench {
            let profile: Profile
            let folder: String

            init(_ profile: Profile) throws {
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                try makeDirectories(folder + "/a b/data")
                try writeFile(folder + "/a b/data/f", Array("right\n".utf8), mode: 0o644)
            }

            func build(_ text: String) throws -> Outcome {
                let base = try Images.shared.get().directory
                try writeFile(folder + "/d", Array("Bootstrap: localimage\nFrom: \(base)\n\(text)".utf8), mode: 0o644)
                return try skiffCommand(["build", "--force", "--sandbox", folder + "/out", folder + "/d"], as: profile)
                {
                    $0.environment["HOME"] = folder + "/a b"
                    $0.environment["DATA"] = folder + "/a b/data"
                    $0.environment["EMPTY"] = ""
                    $0.environment["NONE"] = nil
                    $0.directory = folder
                }.run()
            }

            func remove() { try? removeTree(folder) }
        }

        @Test(arguments: Profile.allCases) func variablesOfTheCallerHaveTheirValues(profile: Profile) throws {
            try need(profile)
            let bench = try Bench(profile)
            defer { bench.remove() }
            for source in [
                "$DATA/f", "${DATA}/f", "~/data/f", "$HOME/data/f", "\"$DATA/f\"", "$DATA/*", "${DATA:-/x}/f",
                "${NONE:-$DATA}/f", "${EMPTY:-$DATA}/f", "$DATA/${NONE:-f}",
            ] {
                let built = try bench.build("%files\n    \(source) /in/\n")
                #expect(built.isSuccess, "\(source): \(built)")
                #expect(try readFile(bench.folder + "/out/in/f") == Array("right\n".utf8), "\(source)")
            }
            // Without a destination a file keeps its own path, below the application's folder for %appfiles.
            let kept = try bench.build("%files\n    $DATA/f\n%appfiles one\n    $DATA/f\n")
            #expect(kept.isSuccess, "\(kept)")
            for path in ["/out", "/out/scif/apps/one"] {
                #expect(isAccessible(bench.folder + path + bench.folder + "/a b/data/f", R_OK), "\(path)")
            }
        }

        @Test(arguments: Profile.allCases) func noFileOfTheHostComesInstead(profile: Profile) throws {
            try need(profile)
            let bench = try Bench(profile)
            defer { bench.remove() }
            for (source, reason) in [
                ("$NONE/etc/passwd", "$NONE is not set"), ("${NONE}/etc/passwd", "$NONE is not set"),
                ("$EMPTY/etc/passwd", "$EMPTY is empty"), ("${NONE:-}/etc/passwd", "$NONE is empty"),
                ("$(echo)/etc/passwd", "commands are not carried out"), ("~root/x", "~ of another user"),
                ("$DATA/[/etc/passwd", "no such file"),
            ] {
                for text in ["%files\n    \(source) /oops\n", "%appfiles one\n    \(source) oops\n"] {
                    let outcome = try bench.build(text)
                    #expect(outcome.end == .exited(255) && outcome.standardError.contains(reason), "\(outcome)")
                }
            }
            #expect(!isAccessible(bench.folder + "/out", F_OK))
        }

        /// The variables that lead to the applications of an image are those of its own definition, already in `%post`.
        @Test(arguments: Profile.allCases) func applicationsOfTheBaseAreNotOnesOwn(profile: Profile) throws {
            try need(profile)
            let bench = try Bench(profile)
            defer { bench.remove() }
            let parent = try bench.build("%appenv old\n    A=1\n")
            #expect(parent.isSuccess, "\(parent)")
            try rename(bench.folder + "/out", to: bench.folder + "/parent")
            for (apps, own) in [("", ""), ("%appenv new\n    A=1\n", "/scif/apps/new")] {
                let text =
                    "Bootstrap: localimage\nFrom: parent\n%post\n    echo \"old=${SCIF_APPROOT_old-} "
                    + "new=${SCIF_APPROOT_new-}.\"\n\(apps)"
                try writeFile(bench.folder + "/c", Array(text.utf8), mode: 0o644)
                let child = try skiffCommand(["build", "-F", "--sandbox", "child", "c"], as: profile) {
                    $0.directory = bench.folder
                }.run()
                #expect(child.isSuccess && child.standardOutput.contains("old= new=\(own).\n"), "\(child)")
            }
            // An image that is only converted keeps its own.
            let packed = try skiffCommand(["build", "-F", "same.sif", "parent"], as: profile) {
                $0.directory = bench.folder
            }.run()
            #expect(packed.isSuccess, "\(packed)")
            let words = ["exec", "same.sif", "sh", "-c", "echo $SCIF_APPROOT_old"]
            let shown = try skiffCommand(words, as: profile) { $0.directory = bench.folder }.run()
            #expect(shown.line == "/scif/apps/old", "\(shown)")
        }
    }
}
