import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Plugins of others: built from what is installed, and from nothing else of this repository.
    @Suite struct PluginKits {
        private let work: String
        private var folder: String { work + "/copy" }

        init() throws {
            work = try WorkDirectory.make(for: .current)
            _ = try Self.sh("cp -a \"$1\" \"$2\"", [try Stage.shared.get().prefix, work + "/copy"])
        }

        /// Runs a script with the compilers of whoever runs the tests.
        private static func sh(_ script: String, _ words: [String], in directory: String = "/") throws -> Outcome {
            var command = Command(["/bin/sh", "-ec", script, "sh"] + words, as: .current)
            command.environment["PATH"] = environmentValue("PATH")
            command.environment["HOME"] = environmentValue("HOME")
            command.directory = directory
            command.seconds = 900
            let outcome = try command.run()
            guard outcome.isSuccess else { throw HarnessError("\(outcome)") }
            return outcome
        }

        private func run(_ words: [String], as profile: Profile) throws -> Outcome {
            try Command([folder + "/bin/skiff"] + words, as: profile).run()
        }

        private func install(_ example: String) throws {
            let build = "cp -r \"$1\" example && cd example && make -s clean && make PREFIX=\"$2\" install"
            _ = try Self.sh(build, [Stage.repository + "/Examples/" + example, folder], in: work)
        }

        /// The example greets, its plan says why, and the checker has nothing against it.
        private func greets(_ id: String, _ flag: String, _ name: String) throws {
            let image = try Images.shared.get().directory
            let script = "echo $HELLO; cat /run/host/os-release"
            let release = String(decoding: try readFile("/etc/os-release"), as: UTF8.self)
            for profile in Profile.allCases where profile == .current || effectiveUID() == 0 {
                let hello = try run(["exec", flag, image, "sh", "-c", script], as: profile)
                #expect(hello.isSuccess && hello.standardOutput == name + "\n" + release, "\(hello)")
            }
            let explained = try run(["exec", "--explain", flag, image, "true"], as: .current)
            #expect(explained.standardOutput.contains(id), "\(explained)")
            // On a machine busy with tests, opening a library may take any time.
            let check = try run(["plugin", "check", "--skip", "load-under-5ms", id], as: .current)
            #expect(check.isSuccess && !check.standardOutput.contains("failed"), "\(check)")
        }

        @Test(.needs(.rustc)) func exampleInRust() throws {
            try install("plugin-rust")
            try greets("org.skiff.hello-rust", "--hello-rust=there", "there")
        }

        @Test(.needs(.swift)) func exampleInSwift() throws {
            try install("plugin-swift")
            try greets("org.skiff.hello-swift", "--hello-swift", "world")
            try greets("org.skiff.hello-swift", "--hello-swift=you", "you")
        }

        /// The plugins that come with skiff have no private door: the kit is enough for them.
        @Test(.needs(.swift)) func stockPluginsNeedTheKitAlone() throws {
            let package = """
                // swift-tools-version: 6.2
                import PackageDescription
                let kit: [Target.Dependency] = [.product(name: "PluginKit", package: "pluginkit")]
                let settings: [SwiftSetting] = [
                    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
                    .enableUpcomingFeature("InternalImportsByDefault"),
                ]
                let package = Package(
                    name: "stock",
                    products: [
                        .library(name: "Overlay", type: .dynamic, targets: ["OverlayEntry"]),
                        .library(name: "NvidiaGPU", type: .dynamic, targets: ["NvidiaEntry"]),
                        .library(name: "BridgeNet", type: .dynamic, targets: ["BridgeNetEntry"]),
                    ],
                    dependencies: [.package(path: "\(folder)/share/skiff/pluginkit")],
                    targets: [
                        .target(
                            name: "CBridgeNet", path: "BridgeNet/CBridgeNet", cSettings: [.define("_GNU_SOURCE")],
                            linkerSettings: [.linkedLibrary("mnl")]),
                        .target(
                            name: "BridgeNetPlugin", dependencies: ["CBridgeNet"] + kit, path: "BridgeNet/Sources",
                            swiftSettings: settings),
                        .target(
                            name: "BridgeNetEntry", dependencies: ["BridgeNetPlugin"] + kit, path: "BridgeNet/Entry",
                            swiftSettings: settings),
                        .target(
                            name: "OverlayPlugin", dependencies: kit, path: "Overlay/Sources", swiftSettings: settings),
                        .target(
                            name: "OverlayEntry", dependencies: ["OverlayPlugin"] + kit, path: "Overlay/Entry",
                            swiftSettings: settings),
                        .target(
                            name: "NvidiaPlugin", dependencies: kit, path: "NvidiaGPU/Sources", swiftSettings: settings),
                        .target(
                            name: "NvidiaEntry", dependencies: ["NvidiaPlugin"] + kit, path: "NvidiaGPU/Entry",
                            swiftSettings: settings),
                    ])
                """
            let script = """
                cp -r "$1/Plugins" stock && cd stock && printf '%s\\n' "$2" >Package.swift
                swift build -Xlinker --version-script="$3/share/skiff/pluginkit/plugin.map"
                cp .build/debug/libOverlay.so "$3/lib/skiff/plugins/Overlay.so"
                cp .build/debug/libNvidiaGPU.so "$3/lib/skiff/plugins/NvidiaGPU.so"
                cp .build/debug/libBridgeNet.so "$3/lib/skiff/plugins/BridgeNet.so"
                """
            _ = try Self.sh(script, [Stage.repository, package, folder], in: work)
            for id in ["org.skiff.overlay", "org.skiff.nvidia-gpu", "org.skiff.bridge-net"] {
                // A debug build finds the Swift runtime through a path of the toolchain.
                let check = try run(["plugin", "check", "--skip", "no-rpath,load-under-5ms", id], as: .current)
                #expect(check.isSuccess && !check.standardOutput.contains("failed"), "\(check)")
            }
        }

        @Test func headersAreFoundByPkgConfig() throws {
            let script = """
                export PKG_CONFIG_PATH="$1/lib/pkgconfig"
                echo '#include <skiff/all.h>' | cc -std=c99 -Wall -Werror $(pkg-config --cflags skiff-plugin) -fsyntax-only -x c -
                pkg-config --modversion skiff-plugin; pkg-config --variable=plugindir skiff-plugin
                """
            let outcome = try Self.sh(script, [folder])
            let lines = outcome.standardOutput.split(separator: "\n").map(String.init)
            #expect(lines.first?.hasPrefix("0.") == true && lines.count == 2, "\(outcome)")
            #expect(try realPath(lines.last ?? "") == folder + "/lib/skiff/plugins", "\(outcome)")
        }
    }
}
