import Base
import Core
import Linux
import Testing

@testable import Administration

@Suite struct ConfigurationTests {
    private let file = """
        # mine
        mount home = no

        #bind path = /opt
          bind   path=/a, /b
        something else = 1
        bind path = /c

        """

    private func changed(_ change: ConfigurationText.Change, _ directive: String, _ value: String = "") throws -> String
    {
        var text = ConfigurationText(Array(file.utf8), name: "t.conf", directives: [])
        try text.change(change, directive, value)
        return String(bytes: text.bytes)
    }

    private func problem(_ change: ConfigurationText.Change, _ directive: String, _ value: String = "") -> String {
        do {
            return try changed(change, directive, value)
        } catch {
            return "\(error)"
        }
    }

    @Test func otherLinesStayAsTheyAre() throws {
        #expect(
            try changed(.set, "mount home", "yes")
                == file.replacing("mount home = no", with: "mount home = yes"))
        #expect(
            try changed(.set, "bind path", "/d,/b")
                == """
                # mine
                mount home = no

                #bind path = /opt
                bind path = /d
                bind path = /b
                bind path = /a
                bind path = /c
                something else = 1

                """)
        #expect(try changed(.set, "mount dev", "minimal") == file + "mount dev = minimal\n")
    }

    @Test func valuesAreTakenAway() throws {
        #expect(try changed(.unset, "bind path", "/b").contains("bind path = /a\nbind path = /c\nsomething"))
        #expect(try changed(.unset, "bind path", "/a,/b,/c").contains("#bind path = /opt\nbind path =\nsomething"))
        #expect(try changed(.unset, "mount home", "no").contains("mount home = yes"))
        #expect(try changed(.reset, "bind path").contains("bind path = /etc/localtime\nbind path = /etc/hosts\n"))
    }

    @Test func whatNoCommandCouldReadIsNotWritten() {
        #expect(problem(.set, "nosuch", "1") == "\"nosuch\" is not a valid configuration directive")
        #expect(problem(.set, "mount home", "maybe").hasSuffix("directive \"mount home\" are [yes no]"))
        #expect(problem(.set, "mount dev", "x").hasSuffix("directive 'mount dev' are [yes no minimal]"))
        #expect(problem(.set, "max loop devices", "-1").hasSuffix("strconv.ParseUint: parsing \"-1\": invalid syntax"))
        #expect(problem(.set, "mount home").contains("you must specify a value"))
        #expect(problem(.unset, "bind path", "/x") == "value '/x' not found for directive \"bind path\"")
        #expect(problem(.set, "bind path", "/x\nallow setuid = no").contains("a value is one line of text"))
    }
}

@Suite struct SubordinateFileTests {
    private let user = UserRecord(name: "ann", uid: 1000, gid: 1000, gecos: "", home: "/", shell: "")

    private func file(_ text: String) -> SubordinateFile { SubordinateFile(Array(text.utf8), path: "/etc/subuid") }

    @Test func theHighestFreeRangeIsGiven() throws {
        var entries = file("# x\nbob:4294770688:65537\n")
        #expect(try !entries.add(user))
        #expect(String(bytes: entries.bytes) == "# x\nbob:4294770688:65537\n1000:4294705152:65536\n")
        #expect(try !entries.add(user))
        #expect(entries.bytes.count == "# x\nbob:4294770688:65537\n1000:4294705152:65536\n".utf8.count)
    }

    @Test func entriesAreFoundByNameAndNumber() throws {
        for name in ["ann", "1000"] {
            var entries = file("\(name):5:10\n\(name):100000:65536\nanna:7:65536\n")
            try entries.enable(user, false)
            #expect(String(bytes: entries.bytes) == "\(name):5:10\n!\(name):100000:65536\nanna:7:65536\n")
            #expect(try entries.add(user))
            try entries.enable(user, true)
            try entries.remove(user)
            #expect(String(bytes: entries.bytes) == "\(name):5:10\nanna:7:65536\n")
            #expect(throws: SkiffError.self) { try entries.remove(user) }
        }
    }
}

@Suite struct CapabilityGrantsTests {
    @Test func grantsKeepTheirOrderAndForm() throws {
        var grants = CapabilityGrants()
        let first = try grants.add("net_raw,CAP_KILL,bogus", to: "root", .user, program: "skiff")
        #expect(first.first == "Ignoring unknown capabilities: [CAP_BOGUS]")
        #expect(
            first.contains("Use 'skiff capability drop --user root CAP_NET_RAW' to reverse this action if necessary"))
        #expect(
            grants.text
                == "{\n\t\"users\": {\n\t\t\"root\": [\n\t\t\t\"CAP_NET_RAW\",\n\t\t\t\"CAP_KILL\"\n\t\t]\n\t}\n}")
        #expect(try CapabilityGrants(parsing: grants.text.bytes, name: "c") == grants)
        #expect(grants.granted(to: 0) == 1 << 13 | 1 << 5)
        #expect(try grants.drop("kill", of: "root", .user).isEmpty)
        #expect(try grants.drop("all", of: "root", .user).count == Capability.allNames.count - 1)
        #expect(grants == CapabilityGrants())
    }

    @Test(arguments: [
        #"{"users": {"a": ["CAP_NOSUCH"]}}"#, #"{"people": {}}"#, "[", #"{"users": []}"#,
        #"{"users": {"a": "CAP_KILL"}}"#,
    ])
    func whatIsNotUnderstoodGrantsNothing(text: String) {
        #expect(throws: SkiffError.self) { try CapabilityGrants(parsing: text.bytes, name: "c") }
    }
}
