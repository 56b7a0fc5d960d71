// swift-tools-version: 6.2
// PluginKit: plugins for skiff in Swift. Installed with skiff; a plugin's package names this directory by its path.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // memfd_create(2) and others, which libc shows on request.
    .unsafeFlags(["-Xcc", "-D_GNU_SOURCE"]),
]

let package = Package(
    name: "pluginkit",
    products: [.library(name: "PluginKit", type: .static, targets: ["PluginKit", "PluginAPI"])],
    targets: [
        .target(name: "PluginAPI"),
        .target(name: "ELF", swiftSettings: swiftSettings),
        .target(name: "PluginKit", dependencies: ["PluginAPI", "ELF"], swiftSettings: swiftSettings),
    ]
)
