import CLinux
import Foundation
import Linux
import TestSupport
import Testing

/// The process of a plugin that fetches or pushes: it is killed when it hangs and when the command ends, and the
/// command lends it credentials.
extension EndToEnd.Transports {
    private static func strays() -> [ProcessEntry] {
        ProcessTable.current().filter {
            $0.arguments.contains("__transport") || $0.arguments.hasPrefix("sleep 7777")
        }
    }

    private static func areGone() -> Bool { (0..<200).contains { _ in strays().isEmpty || usleep(10_000) != 0 } }

    @Test(arguments: Profile.allCases) func hungPluginsAreGivenUp(profile: Profile) throws {
        try need(profile)
        let desk = try Desk(profile)
        defer { desk.remove() }
        let environment = ["ODD_IMAGE": try Images.shared.get().sif, "APPTAINER_NETWORK_TIMEOUT": "1"]
        for (word, station) in [
            ("hang-resolve", "resolve"), ("spin", "resolve"), ("hang-open", "fetch"), ("hang", "fetch"),
            ("hang-close", "fetch"), ("hang-child", "fetch"),
        ] {
            let words = word == "hang" ? ["exec", "odd://hang", "true"] : ["pull", "out.sif", "odd://" + word]
            let outcome = try desk.command(words, environment).run()
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(
                outcome.standardError.hasSuffix(
                    "FATAL:   cannot use odd://\(word): plugin org.test.odd: \(station): it has sent nothing for 1 "
                        + "second. Try again, or set APPTAINER_NETWORK_TIMEOUT to more seconds if it needs them\n"),
                "\(outcome)")
            #expect(desk.files == [] && desk.entries == [] && Self.areGone(), "\(word): \(Self.strays())")
        }
        // Those that continue, or say that they do, are waited for; and the cache is undamaged.
        let patience = environment.merging(["APPTAINER_NETWORK_TIMEOUT": "2"]) { $1 }
        for word in ["slow", "patient"] {
            let outcome = try desk.command(["pull", "--force", "out.sif", "odd://" + word], patience).run()
            #expect(outcome.isSuccess, "\(outcome)")
        }
        #expect(try desk.bytes("out.sif") == readFile(Images.shared.get().sif))
        let wrong = try desk.command(["pull", "x.sif", "odd://x"], ["APPTAINER_NETWORK_TIMEOUT": "soon"]).run()
        #expect(wrong.standardError.contains("cannot use APPTAINER_NETWORK_TIMEOUT=soon"), "\(wrong)")
    }

    /// Returns what the fixture prints of a secret, backwards.
    private static func told(_ name: String, _ text: String) -> String {
        "INFO:    \(name) \(String(text.reversed()))\n"
    }

    /// Credentials come from each of the places that registries use, for the host of the address, and appear nowhere.
    @Test(arguments: Profile.allCases) func credentialsAreLent(profile: Profile) throws {
        try need(profile)
        let desk = try Desk(profile)
        defer { desk.remove() }
        let address = "odd://vault.example:8/team/x:1"
        let (user, password) = ("ann", "very+secret")
        let helper =
            "#!/bin/sh\nread host; [ \"$host\" = vault.example:8 ] || exit 1\n"
            + #"echo '{"ServerURL":"","Username":"<token>","Secret":"a.token"}'"# + "\n"
        try desk.write("docker-credential-tests", helper)
        try chmod(desk.folder + "/docker-credential-tests", 0o755)
        let auth = Data("\(user):\(password)".utf8).base64EncodedString()
        try desk.write("host.json", #"{"auths":{"vault.example:8":{"auth":"\#(auth)"}}}"#)
        try desk.write("path.json", #"{"auths":{"vault.example:8/team/x":{"auth":"\#(auth)"}}}"#)
        try desk.write("other.json", #"{"auths":{"vault.example":{"auth":"\#(auth)"}}}"#)
        try desk.write("helper.json", #"{"credHelpers":{"vault.example:8":"tests"}}"#)
        let environment = ["ODD_IMAGE": try Images.shared.get().sif, "PATH": desk.folder + ":/usr/bin:/bin"]
        let variables = ["APPTAINER_DOCKER_USERNAME": user, "APPTAINER_DOCKER_PASSWORD": password]
        let both = Self.told("password", password) + Self.told("username", user)
        let (given, none) = ("borrowed 42 1 1 -1, wiped, unknown", "borrowed 1 1 1 -1, wiped, unknown")
        for (flags, variables, text) in [
            ([], variables, both + "INFO:    " + given),
            (["--docker-username", user, "--docker-password", password], [:], both + "INFO:    " + given),
            (["--authfile", "host.json"], [:], both + "INFO:    " + given),
            (["--authfile", "path.json"], [:], both + "INFO:    " + given),
            (["--authfile", "other.json"], [:], none),
            (["--authfile", "helper.json"], [:], Self.told("token", "a.token") + "INFO:    borrowed 1 43 1 -1"),
            ([], [:], none),
        ] as [([String], [String: String], String)] {
            let outcome = try desk.command(
                ["pull", "--force"] + flags + ["out.sif", address], environment.merging(variables) { $1 }
            ).run()
            #expect(outcome.isSuccess && outcome.standardError.contains(text), "\(outcome)")
        }
        // For a user who looks at all output.
        let loud = try desk.command(
            ["--debug", "exec", "--explain", address, "true"], environment.merging(variables) { $1 }
        ).run()
        let all = loud.standardOutput + loud.standardError
        #expect(loud.isSuccess && all.contains(given) && !all.contains(password), "\(loud)")
    }

    @Test func pushesBorrow() throws {
        let folder = try WorkDirectory.make(for: .current)
        let installation = try Self.copyOfInstallation(to: folder + "/copy")
        let desk = try Desk(.current, installation)
        defer { desk.remove() }
        try Self.addOdd(to: installation, head: "push-schemes = odd", "-DPUSH=push")
        let pushed = try desk.run(
            "push", try Images.shared.get().sif, "odd://vault.example/x",
            with: ["APPTAINER_DOCKER_USERNAME": "ann", "APPTAINER_DOCKER_PASSWORD": "very+secret"])
        #expect(
            pushed.standardError.contains(
                Self.told("password", "very+secret") + Self.told("username", "ann")
                    + "INFO:    borrowed 42 1 1 -1, wiped, unknown"), "\(pushed)")
    }

    /// While it is loaded, and in a push.
    @Test func pluginsHangElsewhere() throws {
        let folder = try WorkDirectory.make(for: .current)
        let installation = try Self.copyOfInstallation(to: folder + "/copy")
        let desk = try Desk(.current, installation)
        defer { desk.remove() }
        func fails(_ words: String..., at station: String) throws {
            let outcome = try desk.command(words, ["APPTAINER_NETWORK_TIMEOUT": "1"]).run()
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(
                outcome.standardError.contains("plugin org.test.odd: \(station): it has sent nothing for 1 second"),
                "\(outcome)")
            #expect(desk.files == [] && Self.areGone(), "\(Self.strays())")
        }
        try Self.addOdd(to: installation, head: "push-schemes = odd", "-DPUSH=push")
        try fails("push", try Images.shared.get().sif, "odd://hang", at: "push")
        try Self.addOdd(to: installation, "-DHANGS")
        try fails("pull", "out.sif", "odd://x", at: "resolve")
    }

    /// A progress bar that stands still is no sign of life either.
    @Test(.needs(.python)) func hungPluginIsGivenUpAtATerminal() throws {
        let desk = try Desk(.current)
        defer { desk.remove() }
        let environment = ["ODD_IMAGE": try Images.shared.get().sif, "APPTAINER_NETWORK_TIMEOUT": "2"]
        let outcome = try desk.command(["pull", "out.sif", "odd://hang"], environment).onTerminal("record")
            .run()
        #expect(outcome.standardOutput.contains("it has sent nothing for 2 seconds"), "\(outcome)")
        #expect(desk.files == [] && Self.areGone(), "\(Self.strays())")
    }

    @Test(arguments: ["hang-resolve", "hang", "hang-close", "hang-child"], [SIGINT, SIGTERM, SIGKILL])
    func stoppedFetchLeavesNothing(word: String, signal: CInt) throws {
        // Nothing is left to end a helper of a plugin when all processes of ours are killed at once.
        if word == "hang-child", signal == SIGKILL { return }
        let desk = try Desk(.current)
        defer { desk.remove() }
        let command = try desk.command(
            ["pull", "--disable-cache", "out.sif", "odd://" + word], ["ODD_IMAGE": try Images.shared.get().sif]
        ).start()
        #expect((0..<1000).contains { _ in usleep(10_000) == 0 && command.text("stderr").contains("hanging") })
        try command.signal(signal)
        let outcome = try command.wait(seconds: 10)
        #expect(outcome.end == .signaled(signal), "\(outcome)")
        // After kill -9 the private directory of the pull is left, as with every transport, but its process is not.
        if signal != SIGKILL { #expect(desk.files == []) }
        #expect(Self.areGone(), "\(Self.strays())")
    }
}
