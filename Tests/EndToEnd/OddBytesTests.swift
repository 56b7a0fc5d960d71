import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Names and words in no encoding, as in old data sets, reach the program unchanged.
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

        /// Words that run a container where `$odd/f` contains `in`, and that are expected to show it.
        private static let places = [
            #"exec -B "$PWD/$odd:/mnt" "$1" cat /mnt/f"#,
            #"exec -B "$odd:/mnt/$odd" "$1" cat "/mnt/$odd/f""#,
            #"exec --mount "type=bind,src=$PWD/$odd,dst=/mnt/$odd" "$1" cat "/mnt/$odd/f""#,
            #"exec -B "$odd:/mnt/$odd" --pwd "/mnt/$odd" "$1" cat f"#,
            #"exec -B "$odd:/mnt/$odd" "$1" sh -c 'cat "$APPTAINER_BIND/f"'"#,
            #"exec --home "$PWD/$odd" "$1" sh -c 'cat "$HOME/f"'"#,
            #"exec --home "$PWD/$odd:/$odd" "$1" cat "/$odd/f""#,
            #"exec -c --workdir "$odd" "$1" sh -c 'echo in > /tmp/f' && cat "$odd/tmp/f""#,
            #"exec --scratch "/$odd" "$1" sh -c 'echo in > "$1/f" && cat "$1/f"' sh "/$odd""#,
            #"exec --env-file "$odd/variables" "$1" sh -c 'echo $V'"#,
        ]

        @Test(arguments: Profile.allCases, places) func placesStay(profile: Profile, words: String) throws {
            try need(profile)
            let script = #"mkdir "$odd"; echo in > "$odd/f"; echo V=in > "$odd/variables"; "$0" "# + words
            let outcome = try run(script, try Images.shared.get().directory, as: profile)
            #expect(outcome.line == "in" && outcome.standardError.isEmpty, "\(outcome)")
        }

        @Test(arguments: Profile.allCases, ImageKind.allCases) func currentDirectoryStays(
            profile: Profile, kind: ImageKind
        ) throws {
            try need(profile)
            let script =
                #"mkdir "$odd"; cd "$odd"; echo in > f; "$0" exec "$1" sh -c 'cat f; printf %s "${PWD##*/}"' | od -An -tx1"#
            let outcome = try run(script, try kind.path(for: profile), as: profile)
            #expect(outcome.line == " 69 6e 0a 78 ff 79", "\(outcome)")
        }

        @Test(arguments: Profile.allCases, ImageKind.allCases) func imagesStay(profile: Profile, kind: ImageKind) throws
        {
            try need(profile)
            let image = try kind.path(for: profile)
            for name in ["APPTAINER_NAME", "APPTAINER_CONTAINER##*/"] {
                let script =
                    "ln -s \"$1\" \"$odd\"; \"$0\" exec \"$odd\" sh -c 'printf %s \"${\(name)}\"' | od -An -tx1"
                let outcome = try run(script, image, as: profile)
                #expect(outcome.line == " 78 ff 79", "\(outcome)")
            }
        }

        /// Neither names that Unicode calls equivalent nor the character that stands for a byte make two places one.
        @Test(arguments: Profile.allCases) func namesNeverMeet(profile: Profile) throws {
            try need(profile)
            let script = #"""
                image=$1; set --
                for name in 'x\377y' 'x\364\217\277\277y' '\303\251' 'e\314\201'; do
                    name=$(printf "$name"); mkdir "$name"; echo "$name" > "$name/f"; set -- "$@" -B "$name:/mnt/$name"
                done
                "$0" exec "$@" "$image" sh -c 'cd /mnt; for n in *; do [ "$n" = "$(cat "$n/f")" ] && printf .; done'
                """#
            let outcome = try run(script, try Images.shared.get().directory, as: profile)
            #expect(outcome.line == "....", "\(outcome)")
        }

        @Test(.needs(.overlay), arguments: Profile.allCases) func overlaysStay(profile: Profile) throws {
            try need(profile)
            let script = #"mkdir "$odd"; "$0" exec --overlay "$odd" "$1" touch /made; ls "$odd/upper""#
            let outcome = try run(script, try Images.shared.get().directory, as: profile)
            #expect(outcome.line == "made", "\(outcome)")
        }

        @Test(arguments: Profile.allCases) func buildsStay(profile: Profile) throws {
            try need(profile)
            if profile == .user { try need(.userNamespaces) }
            let script = #"""
                printf 'Bootstrap: localimage\nFrom: %s.1\n%%files\n%s /f\n' "$odd" "$odd" > "$odd.def"; echo in > "$odd"
                { "$0" build "$odd.1" "$1" && "$0" build --sandbox "$odd.2" "$odd.def"; } >&2 && cat "$odd.2/f"
                """#
            let outcome = try run(script, try Images.shared.get().directory, as: profile)
            #expect(
                outcome.line == "in" && outcome.standardError.contains("INFO:    Build complete: x\\xffy.2"),
                "\(outcome)")
        }

        @Test(
            arguments: Profile.allCases,
            [
                (#"-B "$PWD/$odd:/mnt" "$1" true"#, #"/x\xffy doesn't exist"#),
                (#""$odd" true"#, #"/x\xffy: no such file"#),
                (#"--pwd "/$odd" "$1" true"#, #"chdir /x\xffy: no such file"#),
                (#"--workdir "$odd" -c "$1" true"#, #"x\xffy"#),
                (#""$1" "$odd""#, #""x\xffy": executable file not found"#),
            ])
        func messagesShowTheBytes(profile: Profile, case: (words: String, shown: String)) throws {
            try need(profile)
            let outcome = try run(
                #"exec "$0" exec "# + `case`.words, try Images.shared.get().directory, as: profile)
            #expect(!outcome.isSuccess && outcome.standardError.contains(`case`.shown), "\(outcome)")
        }
    }
}
