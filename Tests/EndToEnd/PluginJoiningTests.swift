import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `joining` of `skiff.container/2`: plugins are asked before a program enters an instance.
    @Suite(.cleanHost) struct PluginJoining {
        private static let installation = Result { () throws -> PluginInstallation in
            let installation = try PluginInstallation("joining")
            try installation.add(
                "org.test.joining", from: "joining.c",
                manifest: """
                    phases = prepare
                    extensions = skiff.container/2
                    draft-ok = yes
                    [flag]
                    name = ask
                    type = bool
                    help = takes part
                    """)
            return installation
        }

        @Test(arguments: Profile.allCases) func isAskedAndMayRefuse(profile: Profile) throws {
            let place = try InstancePlace(profile)
            let program = try Self.installation.get().program
            func skiff(_ words: [String]) throws -> Outcome { try place.run(words) { $0.words[0] = program } }
            func enter(_ name: String) throws -> Outcome {
                try skiff(["exec", "instance://" + name, "/bin/sh", "-c", "uname -n; ls /proc/self/fd | tr '\\n' ' '"])
            }
            let image = try Images.shared.get().directory
            for name in ["open", "closed", "exits", "leaks"] {
                let started = try skiff(["instance", "start", "--ask", image, name])
                #expect(started.isSuccess, "\(started)")
            }
            let open = try enter("open")
            #expect(open.isSuccess && open.standardOutput == "joined\n0 1 2 3 ", "\(open)")
            let closed = try enter("closed")
            #expect(closed.end == .exited(255) && closed.standardOutput.isEmpty, "\(closed)")
            #expect(
                closed.standardError.contains("plugin org.test.joining: joining: nobody enters this one"), "\(closed)")
            let exits = try enter("exits")
            #expect(exits.end == .exited(255) && exits.standardOutput.isEmpty, "\(exits)")
            #expect(exits.standardError.contains("joining: it ended the process with status 0"), "\(exits)")
            let leaks = try enter("leaks")
            #expect(leaks.isSuccess && leaks.standardOutput == "joined\n0 1 2 3 ", "\(leaks)")
            // One that took part in the start and is gone says nothing, so nobody enters.
            let stock = try Stage.shared.get().prefix + "/bin/skiff"
            let without = try place.run(["exec", "instance://open", "/bin/echo", "never"]) { $0.words[0] = stock }
            #expect(without.end == .exited(255) && without.standardOutput.isEmpty, "\(without)")
            #expect(without.standardError.contains("the plugin org.test.joining, which took part"), "\(without)")
            #expect(try skiff(["instance", "stop", "--all"]).isSuccess)
        }
    }
}
