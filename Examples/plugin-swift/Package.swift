// swift-tools-version: 6.2
// A plugin in Swift, built from an installed skiff alone: `make PREFIX=/usr/local` sets SKIFF_PREFIX.
import PackageDescription

let kit = (Context.environment["SKIFF_PREFIX"] ?? "/usr/local") + "/share/skiff/pluginkit"

let package = Package(
    name: "hello",
    products: [.library(name: "Hello", type: .dynamic, targets: ["Hello"])],
    dependencies: [.package(path: kit)],
    targets: [
        .target(
            name: "Hello", dependencies: [.product(name: "PluginKit", package: "pluginkit")],
            // One symbol is seen from outside, and the Swift runtime comes along: several plugins share a process.
            linkerSettings: [
                .unsafeFlags([
                    "-static-stdlib", "-no-toolchain-stdlib-rpath", "-Xlinker", "--version-script=\(kit)/plugin.map",
                    "-Xlinker", "--gc-sections",
                ])
            ])
    ]
)
