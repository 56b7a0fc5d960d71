import CLinux
import Foundation
import Linux
import Testing

extension EndToEnd {
    /// The boundary between what other users of the host have made and what skiff takes for its own: caches, temporary
    /// directories, the state of plugins.
    @Suite struct ForeignPlaces {
        /// uid 65534, which plays another user of the host.
        private static let other: uid_t = 65534

        /// An image on a web server, the name that it has in a cache, and another image with that name.
        private struct Trap {
            let profile: Profile
            let folder: String
            let server: WebServer
            let name: String
            private let evil: String

            init(_ profile: Profile) throws {
                self.profile = profile
                folder = try WorkDirectory.make(for: profile)
                try makeDirectory(folder + "/www", mode: 0o755)
                try FileManager.default.copyItem(
                    atPath: try Images.shared.get().sif, toPath: folder + "/www/good.sif")
                try Linux.chmod(folder + "/www/good.sif", 0o644)
                server = try WebServer(folder + "/www")
                evil = folder + "/evil.sif"
                let tree = folder + "/tree"
                try FileManager.default.copyItem(atPath: try Images.shared.get().directory, toPath: tree)
                try writeFile(tree + "/evil", [], mode: 0o644)
                let built = try skiffCommand(["build", evil, tree], as: .current).run()
                guard built.isSuccess else { throw HarnessError("cannot build: \(built)") }
                let first = try Self.run(server, folder + "/mine", profile)
                guard first.line == "good" else { throw HarnessError("cannot fetch: \(first)") }
                name = try FileManager.default.contentsOfDirectory(atPath: folder + "/mine/cache/net").first ?? ""
            }

            func run(_ cache: String) throws -> Outcome { try Self.run(server, cache, profile) }

            private static func run(_ server: WebServer, _ cache: String, _ profile: Profile) throws -> Outcome {
                let program = "if [ -e /evil ]; then echo EVIL; else echo good; fi"
                return try skiffCommand(["exec", server.address + "/good.sif", "sh", "-c", program], as: profile) {
                    $0.environment["APPTAINER_CACHEDIR"] = cache
                    $0.seconds = 60
                }.run()
            }

            /// Makes a cache that has the other image in place of the one that is asked for.
            func forge(_ place: String, owner: uid_t?, mode: mode_t = 0o700, cacheMode: mode_t = 0o700) throws {
                try makeDirectories(place + "/cache/net", mode: 0o755)
                try FileManager.default.copyItem(atPath: evil, toPath: place + "/cache/net/" + name)
                for (path, mode) in [
                    (place + "/cache/net/" + name, 0o644), (place + "/cache/net", cacheMode),
                    (place + "/cache", cacheMode), (place, mode),
                ] as [(String, mode_t)] {
                    try Linux.chmod(path, mode)
                    try give(path, owner)
                }
            }

            /// Gives a file to a user; nil is the profile's user.
            func give(_ path: String, _ owner: uid_t?) throws {
                guard effectiveUID() == 0, let own = profile.record?.uid else { return }
                try chown(path, owner ?? own, owner ?? own)
            }

            func end() {
                try? server.stop()
                try? removeTree(folder)
            }
        }

        private func expectRefusal(_ outcome: Outcome, _ cure: String = "APPTAINER_CACHEDIR") {
            #expect(outcome.end == .exited(255), "\(outcome)")
            #expect(outcome.standardError.contains("FATAL:   cannot use "), "\(outcome)")
            #expect(outcome.standardError.contains(cure), "\(outcome)")
        }

        /// Directories that others may write are refused even if they belong to the user.
        @Test(arguments: Profile.allCases) func cacheThatOthersMayWriteIsRefused(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile)
            defer { trap.end() }
            for (index, mode) in ([0o777, 0o770, 0o1777, 0o702] as [mode_t]).enumerated() {
                let place = trap.folder + "/open.\(index)"
                try trap.forge(place, owner: nil, cacheMode: mode)
                expectRefusal(try trap.run(place))
            }
            // The directory that holds it: anybody who may write there can put another in its place.
            try trap.forge(trap.folder + "/held", owner: nil, mode: 0o777)
            expectRefusal(try trap.run(trap.folder + "/held"))
            // One subdirectory is enough.
            try trap.forge(trap.folder + "/part", owner: nil)
            try Linux.chmod(trap.folder + "/part/cache/net", 0o777)
            expectRefusal(try trap.run(trap.folder + "/part"))
            try makeDirectories(trap.folder + "/lease/cache/leases", mode: 0o777)
            for path in ["/lease/cache/leases", "/lease/cache", "/lease"] { try trap.give(trap.folder + path, nil) }
            try Linux.chmod(trap.folder + "/lease/cache", 0o700)
            try Linux.chmod(trap.folder + "/lease", 0o700)
            try Linux.chmod(trap.folder + "/lease/cache/leases", 0o777)
            expectRefusal(try trap.run(trap.folder + "/lease"))
        }

        @Test(arguments: Profile.allCases) func cacheOfAnotherUserIsRefused(profile: Profile) throws {
            try need(profile)
            try need(.root)
            let trap = try Trap(profile)
            defer { trap.end() }
            let other = Self.other
            try trap.forge(trap.folder + "/all", owner: other, mode: 0o777, cacheMode: 0o777)
            try trap.forge(trap.folder + "/closed", owner: other, mode: 0o755, cacheMode: 0o755)
            // In a directory like /tmp, made before its user came.
            try trap.forge(trap.folder + "/sticky", owner: other, mode: 0o1777, cacheMode: 0o777)
            try chown(trap.folder + "/sticky", 0, 0)
            try trap.forge(trap.folder + "/below", owner: nil)
            for path in ["/below/cache/net", "/below/cache/net/" + trap.name] {
                try trap.give(trap.folder + path, other)
            }
            try Linux.chmod(trap.folder + "/below/cache/net", 0o777)
            // Links, and the users who made them.
            for (name, owner) in [("toOther", nil), ("byOther", other)] as [(String, uid_t?)] {
                try makeDirectory(trap.folder + "/" + name, mode: 0o700)
                let target = trap.folder + (owner == nil ? "/all/cache" : "/mine/cache")
                try makeSymlink(target, at: trap.folder + "/\(name)/cache")
                try trap.give(trap.folder + "/\(name)/cache", owner)
                try trap.give(trap.folder + "/" + name, nil)
            }
            try makeSymlink(trap.folder + "/all", at: trap.folder + "/whole")
            for name in ["all", "closed", "sticky", "below", "toOther", "byOther", "whole"] {
                expectRefusal(try trap.run(trap.folder + "/" + name))
                let build = try skiffCommand(
                    ["build", "-F", trap.folder + "/out.sif", trap.server.address + "/good.sif"], as: profile
                ) { $0.environment["APPTAINER_CACHEDIR"] = trap.folder + "/" + name }.run()
                #expect(!build.isSuccess, "\(build)")
                for verb in ["list", "clean"] {
                    let words = ["cache", verb] + (verb == "clean" ? ["-f"] : [])
                    expectRefusal(
                        try skiffCommand(words, as: profile) {
                            $0.environment["APPTAINER_CACHEDIR"] = trap.folder + "/" + name
                        }.run())
                }
            }
            // One's own link to one's own directory is a common way to a larger disk.
            try makeDirectory(trap.folder + "/linked", mode: 0o700)
            try makeSymlink(trap.folder + "/mine/cache", at: trap.folder + "/linked/cache")
            for path in ["/linked/cache", "/linked"] { try trap.give(trap.folder + path, nil) }
            let linked = try trap.run(trap.folder + "/linked")
            #expect(linked.isSuccess && linked.line == "good", "\(linked)")
        }

        /// A cache of one's own may still hold what others left while it was open to them.
        @Test(arguments: Profile.allCases) func entriesOfOthersAreFetchedAnew(profile: Profile) throws {
            try need(profile)
            let trap = try Trap(profile)
            defer { trap.end() }
            let plants: [(String, (String) throws -> Void)] = [
                ("0666", { path in try Linux.chmod(path, 0o666) }),
                ("0664", { path in try Linux.chmod(path, 0o664) }),
                (
                    "link",
                    { path in
                        try rename(path, to: trap.folder + "/evil.0")
                        try makeSymlink(trap.folder + "/evil.0", at: path)
                        try trap.give(path, nil)
                    }
                ),
                ("owner", { path in try trap.give(path, Self.other) }),
                (
                    "hard link",
                    { path in
                        try rename(path, to: trap.folder + "/evil.1")
                        try trap.give(trap.folder + "/evil.1", Self.other)
                        try makeHardLink(trap.folder + "/evil.1", at: path)
                    }
                ),
            ]
            for (index, plant) in plants.enumerated() where index < 3 || effectiveUID() == 0 {
                let place = trap.folder + "/own.\(index)"
                try trap.forge(place, owner: nil)
                try plant.1(place + "/cache/net/" + trap.name)
                let outcome = try trap.run(place)
                #expect(outcome.isSuccess && outcome.line == "good", "\(plant.0): \(outcome)")
                #expect(outcome.standardError.contains("somebody else can have written it"), "\(plant.0): \(outcome)")
                // What is there now is ours.
                let again = try trap.run(place)
                #expect(again.isSuccess && again.line == "good", "\(again)")
                #expect(!again.standardError.contains("somebody else"), "\(again)")
            }
        }

        /// On some systems sudo leaves HOME as it is: root then has a cache of its own, and takes nothing from the
        /// user's.
        @Test func rootWithTheHomeOfAUserWorks() throws {
            try need(.root)
            try need(.user)
            let home = try WorkDirectory.make(for: .user)
            defer { try? removeTree(home) }
            guard let user = Profile.user.record else { return }
            for path in ["/.apptainer", "/.apptainer/cache", "/.apptainer/cache/net"] {
                try makeDirectory(home + path, mode: 0o700)
                try chown(home + path, user.uid, user.gid)
            }
            try writeFile(home + "/.apptainer/cache/net/planted", [1], mode: 0o644)
            let outcome = try skiffCommand(["--verbose", "cache", "list", "-v"], as: .root) {
                $0.environment["HOME"] = home
                $0.environment["APPTAINER_CACHEDIR"] = nil
            }.run()
            #expect(outcome.isSuccess && !outcome.standardOutput.contains("planted"), "\(outcome)")
            #expect(outcome.standardError.contains("is used instead"), "\(outcome)")
        }

        /// `sudo make run` in one's own clone: the owner of the program could do anything already.
        @Test func rootUsesTheCacheOfTheProgramsOwner() throws {
            try need(.root)
            try need(.user)
            let home = try WorkDirectory.make(for: .user)
            defer { try? removeTree(home) }
            let clone = home + "/clone"
            let script = "cp -a \"$1\" \"$2\" && chown -R -h \"$3\" \"$2\""
            let words = [try Stage.shared.get().prefix, clone, String(Profile.user.record?.uid ?? 0)]
            let copied = try Command(["/bin/sh", "-c", script, "sh"] + words, as: .root).run()
            #expect(copied.isSuccess, "\(copied)")
            var command = Command([clone + "/bin/skiff", "cache", "list"], as: .root)
            command.environment["HOME"] = home
            let outcome = try command.run()
            #expect(outcome.isSuccess && outcome.standardError.isEmpty, "\(outcome)")
            #expect(isAccessible(home + "/.apptainer/cache", F_OK))
        }

        @Test(arguments: Profile.allCases) func temporaryDirectoryOfAnotherIsRefused(profile: Profile) throws {
            try need(profile)
            let folder = try WorkDirectory.make(for: profile)
            defer { try? removeTree(folder) }
            let own = effectiveUID() == 0 ? profile.record?.uid ?? 0 : effectiveUID()
            var places: [(name: String, owner: uid_t, mode: mode_t, isUsable: Bool)] = [
                ("open", own, 0o777, false), ("mine", own, 0o700, true), ("sticky", own, 0o1777, true),
            ]
            if effectiveUID() == 0 {
                places += [
                    ("roots", 0, 0o1777, true), ("others", Self.other, 0o777, false),
                    ("othersSticky", Self.other, 0o1777, false), ("grouped", 0, 0o770, false),
                ]
            }
            for place in places {
                let path = folder + "/" + place.name
                try makeDirectory(path, mode: 0o700)
                if effectiveUID() == 0 { try chown(path, place.owner, own) }
                try Linux.chmod(path, place.mode)
            }
            try makeSymlink(folder + "/mine", at: folder + "/link")
            if effectiveUID() == 0 {
                try chown(folder + "/link", Self.other, Self.other)
                places.append(("link", Self.other, 0, false))
            }
            let image = try Images.shared.get().sif
            for place in places {
                for words in [
                    ["build", "-F", folder + "/out.sif", image], ["exec", "--unsquash", image, "true"],
                ] {
                    let outcome = try skiffCommand(words, as: profile) {
                        $0.environment["APPTAINER_TMPDIR"] = folder + "/" + place.name
                        $0.seconds = 60
                    }.run()
                    if place.isUsable {
                        #expect(outcome.isSuccess, "\(place): \(outcome)")
                    } else {
                        expectRefusal(outcome, "APPTAINER_TMPDIR")
                    }
                }
            }
        }
    }
}
