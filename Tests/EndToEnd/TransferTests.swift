import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// How requests are routed, how long they may take, and what is shown of them.
    @Suite struct Transfers {
        typealias Desk = EndToEnd.Registries.Desk

        // MARK: proxies and authorities

        @Test(.needs(.registry, .python)) func plainRequestsGoThroughTheProxy() throws {
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            let proxy = try LyingRegistry(proxyTo: registry.host)
            let (sif, address) = (try Images.shared.get().sif, "oras://registry.invalid:5000/team/full:1")
            let way = ["http_proxy": "http://ann:secret@\(proxy.host)"]
            func run(_ variables: [String: String], _ words: String...) throws -> Outcome {
                try skiffCommand(words, as: .current) {
                    $0.environment["HOME"] = desk.folder
                    $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                    $0.directory = desk.folder
                    $0.environment.merge(variables) { $1 }
                }.run()
            }
            let pushed = try run(way, "push", "--no-https", sif, address)
            #expect(pushed.isSuccess, "\(pushed)")
            let pulled = try run(way, "pull", "--no-https", address)
            #expect(pulled.isSuccess, "\(pulled)")
            #expect(try desk.bytes("full_1.sif") == readFile(sif))
            let seen = proxy.requests
            #expect(seen.contains { $0.method == "PUT" } && seen.contains { $0.path.contains("/blobs/sha256:") })
            #expect(
                seen.allSatisfy {
                    $0.path.hasPrefix("http://registry.invalid:5000/v2/") && $0.authorization == "ann:secret"
                }, "\(seen)")
            // In capitals it counts as well, but not where a web server may have set it from a client's header.
            let capitals = ["HTTP_PROXY": "http://\(proxy.host)"]
            #expect(try run(capitals, "pull", "--no-https", "-F", address).isSuccess)
            let after = proxy.requests.count
            #expect(after > seen.count)
            for variables in [
                capitals.merging(["REQUEST_METHOD": "GET"]) { $1 }, way.merging(["no_proxy": "other,.invalid"]) { $1 },
                way.merging(["NO_PROXY": "*"]) { $1 }, [:],
            ] {
                let direct = try run(variables, "pull", "--no-https", "x.sif", address)
                #expect(
                    direct.end == .exited(255)
                        && direct.standardError.contains("cannot reach registry registry.invalid:5000"),
                    "\(variables): \(direct)")
            }
            // Proxies are not meant for this machine's own addresses.
            let own = try run(way, "pull", "x.sif", "oras://\(registry.host)/team/full:1")
            #expect(own.isSuccess, "\(own)")
            #expect(proxy.requests.count == after)
            let closed = try run(["http_proxy": "http://127.0.0.1:1"], "pull", "--no-https", "y.sif", address)
            #expect(closed.end == .exited(255) && closed.standardError.contains("cannot reach registry"), "\(closed)")
            #expect(desk.files == ["full_1.sif", "x.sif"])
        }

        @Test(.needs(.registry, .python, .openssl)) func encryptedRequestsGoThroughATunnel() throws {
            let (registry, desk) = (try LocalRegistry(.tls), try Desk(.current))
            defer { desk.remove() }
            let proxy = try LyingRegistry(proxyTo: registry.host)
            let (sif, address) = (try Images.shared.get().sif, "oras://registry.invalid/team/full:1")
            func run(_ variables: [String: String], _ words: String...) throws -> Outcome {
                try skiffCommand(words, as: .current) {
                    $0.environment["HOME"] = desk.folder
                    $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                    $0.directory = desk.folder
                    $0.environment["https_proxy"] = "http://\(proxy.host)"
                    $0.environment.merge(variables) { $1 }
                }.run()
            }
            let trust = ["SSL_CERT_FILE": registry.folder + "/cert.pem"]
            let pushed = try run(trust, "push", sif, address)
            #expect(pushed.isSuccess, "\(pushed)")
            // The directory with names given by openssl, instead of the file.
            let folder = desk.folder + "/authorities"
            try makeDirectory(folder, mode: 0o755)
            try writeFile(folder + "/own.pem", readFile(registry.folder + "/cert.pem"), mode: 0o644)
            #expect(try Command(["/usr/bin/openssl", "rehash", folder], as: .current).run().isSuccess)
            let pulled = try run(["SSL_CERT_DIR": folder], "pull", address)
            #expect(pulled.isSuccess, "\(pulled)")
            #expect(try desk.bytes("full_1.sif") == readFile(sif))
            // The proxy sees the destination, but nothing of the content.
            #expect(!proxy.requests.isEmpty)
            #expect(
                proxy.requests.allSatisfy { $0.method == "CONNECT" && $0.path == "registry.invalid:443" },
                "\(proxy.requests)")
            for variables in [[:], ["SSL_CERT_FILE": desk.folder + "/none"]] {
                let distrusted = try run(variables, "pull", "x.sif", address)
                #expect(
                    distrusted.end == .exited(255) && distrusted.standardError.contains("SSL_CERT_FILE"),
                    "\(distrusted)")
            }
            #expect(desk.files == ["authorities", "full_1.sif"])
        }

        // MARK: time

        @Test(.needs(.python), arguments: ["library", "oras"]) func deleteWaitsAsLongAsItIsTold(transport: String)
            throws
        {
            let isLibrary = transport == "library"
            let sif = try Images.shared.get().sif
            let server = try LyingRegistry(isLibrary ? "library" : "lying", sif: sif)
            let desk = try Desk(.current)
            defer { desk.remove() }
            var address = "oras://\(server.host)/tardy/x:1"
            if isLibrary {
                address = "library://team/tools/tardy:1"
                #expect(try desk.run("remote", "add", "--no-login", "-i", "office", "http://\(server.host)").isSuccess)
                #expect(try desk.run("remote", "login", "-p", "good").isSuccess)
                #expect(try desk.run("push", "-U", sif, address).isSuccess)
            }
            // The server takes three seconds.
            for words in [["--timeout", "1"], ["-T", "0"], []] {
                let start = Date()
                let late = try skiffCommand(["delete", "--force"] + words + [address], as: .current) {
                    $0.environment["HOME"] = desk.folder
                    if words.isEmpty { $0.environment["APPTAINER_TIMEOUT"] = "1" }
                }.run()
                #expect(
                    late.end == .exited(255) && late.standardError.contains("no answer in the time that there was")
                        && late.standardError.contains("--timeout"), "\(late)")
                #expect(Date().timeIntervalSince(start) < 2.5)
            }
            let inTime = try desk.run("delete", "--force", address)
            if isLibrary, !inTime.isSuccess {
                // The late one was carried out nevertheless.
                #expect(inTime.standardError.contains("no such image"), "\(inTime)")
            } else {
                #expect(inTime.isSuccess && inTime.standardError.contains("deleted."), "\(inTime)")
            }
        }

        // MARK: what is shown

        @Test(.needs(.registry, .umoci, .skopeo, .python)) func terminalsShowABarForEachLayerAndATotal() throws {
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            try DockerImages.upload(DockerImages.layout(in: desk), registry, "team/one:1")
            let slow = try LyingRegistry(proxyTo: registry.host)
            try slow.delay(0.01)
            func pull(_ flags: [String], _ words: [String] = []) throws -> Command {
                let words = flags + ["pull", "--disable-cache", "--force"] + words
                return try skiffCommand(words + ["out.sif", "docker://\(slow.host)/team/one:1"], as: .current) {
                    $0.environment["HOME"] = desk.folder
                    $0.directory = desk.folder
                }
            }
            let shown = try pull([]).onTerminal("record").run()
            #expect(shown.isSuccess, "\(shown)")
            let all = shown.standardOutput
            let names = Set(all.matches(of: /([0-9a-f]{12}) \[/).map { String($0.1) })
            #expect(names.count == 3, "\(shown)")
            let totals = all.components(separatedBy: "total").dropFirst().map { $0.components(separatedBy: "\r\n") }
            let lines = totals.compactMap(\.first)
            #expect(Set(lines).count >= 3, "it does not move: \(lines)")
            #expect(lines.first?.contains(" ] ") == true, "\(lines)")
            #expect(lines.last?.contains("[" + String(repeating: "=", count: 32) + "]") == true, "\(lines)")
            // Messages after the bars stand on lines of their own.
            #expect(totals.last?.dropFirst().first?.contains("Converting OCI blobs to SIF format") == true, "\(shown)")

            let plain = try pull([]).run()
            #expect(plain.isSuccess && plain.standardError.hasPrefix("INFO:    "), "\(plain)")
            #expect(!plain.standardError.contains("\u{1B}") && !plain.standardError.contains("[="), "\(plain)")
            #expect(plain.standardOutput.isEmpty)
            for flag in ["--quiet", "--silent"] {
                let quiet = try pull([flag]).onTerminal("record").run()
                #expect(quiet.isSuccess && quiet.standardOutput.isEmpty, "\(quiet)")
            }
            let json = try pull([], ["--json"]).onTerminal("record").run()
            #expect(json.isSuccess && json.standardOutput.contains("\"digest\""), "\(json)")
            #expect(!json.standardOutput.contains("total "), "\(json)")
        }

        @Test(.needs(.registry, .python)) func uploadsAreShownAsWell() throws {
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            let address = "oras://\(registry.host)/full"
            let shown = try skiffCommand(["push", Images.shared.get().sif, address], as: .current) {
                $0.environment["HOME"] = desk.folder
            }.onTerminal("record").run()
            let full = "full.sif     [" + String(repeating: "=", count: 32) + "]"
            #expect(shown.isSuccess && shown.standardOutput.contains(full), "\(shown)")
            #expect(!shown.standardOutput.contains("total "), "\(shown)")
        }

        @Test(.needs(.registry)) func resultsComeAsJSON() throws {
            struct Result: Decodable, Equatable {
                var image: String?
                var uri: String
                var digest: String
                var size: Int?
                var cached: Bool?
            }
            let (registry, desk) = (try LocalRegistry(), try Desk(.current))
            defer { desk.remove() }
            let (sif, address) = (try Images.shared.get().sif, "oras://\(registry.host)/full:1")
            func result(_ words: String...) throws -> Result {
                let outcome = try skiffCommand(words, as: .current) {
                    $0.environment["HOME"] = desk.folder
                    $0.environment["APPTAINER_CACHEDIR"] = desk.folder + "/.apptainer"
                    $0.directory = desk.folder
                }.run()
                #expect(outcome.isSuccess, "\(outcome)")
                return try JSONDecoder().decode(Result.self, from: Data(outcome.standardOutput.utf8))
            }
            let pushed = try result("push", "--json", sif, address)
            #expect(pushed.uri == address && pushed.digest.hasPrefix("sha256:") && pushed.image == nil)
            var expected = Result(
                image: desk.folder + "/full_1.sif", uri: address, digest: pushed.digest, size: try readFile(sif).count,
                cached: false)
            let pulled = try result("pull", "--json", address)
            expected.digest = pulled.digest
            #expect(pulled == expected)
            expected.cached = true
            #expect(try result("pull", "--json", "--force", address) == expected)
        }
    }
}
