// swift-tools-version: 6.2
import PackageDescription

// One list for all: Swift 6 mode is the tools version's default; the rest makes imports and existentials explicit.
let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
    // CLinux needs the GNU names of libc; all clang modules of one compilation must agree on what libc shows.
    .unsafeFlags(["-Xcc", "-D_GNU_SOURCE"]),
]

// Tests import what they please.
let testSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-Xcc", "-D_GNU_SOURCE"]),
]

// Release linking (Scripts/build sets SKIFF_RELEASE): measured start times are in Docs/architecture.md. A plain
// `swift build` links dynamically, which is faster to build and good enough to test.
let isRelease = Context.environment["SKIFF_RELEASE"] == "1"

/// For `skiff`: nothing but libc and libm is loaded, and nothing relocated, at start.
let launcherLinking: [LinkerSetting] =
    isRelease
    ? [
        .unsafeFlags([
            "-static-stdlib", "-L\(Context.packageDirectory)/.build/archives", "-no-toolchain-stdlib-rpath",
            "-Xclang-linker", "-static-libgcc", "-Xclang-linker", "-no-pie", "-Xlinker", "--gc-sections",
        ])
    ] : []

/// For helpers, which start rarely: no Swift runtime to ship.
let helperLinking: [LinkerSetting] =
    isRelease
    ? [.unsafeFlags(["-static-stdlib", "-no-toolchain-stdlib-rpath", "-Xlinker", "--gc-sections"])] : []

/// For plugins: one exported symbol, and in release their own runtime inside, because three programs load them.
let pluginLinking: [LinkerSetting] = [
    .unsafeFlags(
        ["-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/plugin.map"]
            + (isRelease
                ? [
                    "-static-stdlib", "-L\(Context.packageDirectory)/.build/archives", "-no-toolchain-stdlib-rpath",
                    "-Xclang-linker", "-static-libgcc", "-Xlinker", "--gc-sections",
                ] : []))
]

let package = Package(
    name: "skiff",
    products: [
        .library(name: "NvidiaGPU", type: .dynamic, targets: ["NvidiaEntry"]),
        .library(name: "Overlay", type: .dynamic, targets: ["OverlayEntry"]),
    ],
    targets: [
        .testTarget(name: "EndToEnd", dependencies: ["Linux", "CLinux"], swiftSettings: testSettings),
        .target(name: "CLinux"),
        .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: swiftSettings),
        .testTarget(name: "LinuxTests", dependencies: ["Linux", "CLinux"], swiftSettings: testSettings),
        .target(name: "Core", dependencies: ["Linux", "CLinux"], swiftSettings: swiftSettings),
        .testTarget(
            name: "CoreTests", dependencies: ["Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .target(
            name: "CDigest", path: "Sources/Formats/CDigest", linkerSettings: [.linkedLibrary("crypto")]),
        .target(
            name: "Digest", dependencies: ["CDigest", "Core"], path: "Sources/Formats/Digest",
            swiftSettings: swiftSettings),
        .target(
            name: "ImageCache", dependencies: ["Digest", "Core", "Linux", "CLinux"], swiftSettings: swiftSettings),
        .testTarget(
            name: "ImageCacheTests", dependencies: ["ImageCache", "Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
        // Only its header is used here: the library is opened at the first exchange.
        .target(name: "CCurl", path: "Sources/Helpers/CCurl"),
        .target(name: "HTTP", dependencies: ["CCurl", "Core", "Linux", "CLinux"], swiftSettings: swiftSettings),
        .target(
            name: "SIFCommands", dependencies: ["Digest", "Grammar", "Core", "Linux", "CLinux"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SIFCommandsTests", dependencies: ["SIFCommands", "Grammar", "Core", "Linux", "CLinux"],
            exclude: ["Expected"],
            swiftSettings: testSettings),
        .target(name: "PluginAPI", exclude: ["layout.def"]),
        // libffi is linked statically, so that a start that calls nothing through it pays nothing for it.
        .target(name: "CTypedCall", linkerSettings: [.linkedLibrary(":libffi_pic.a")]),
        .target(
            name: "PluginHost", dependencies: ["Core", "Linux", "CLinux", "PluginAPI", "CTypedCall", "Grammar"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "PluginHostTests",
            dependencies: ["PluginHost", "PluginAPI", "CTypedCall", "Grammar", "Core", "Linux", "CLinux"],
            exclude: ["Fixtures"], swiftSettings: testSettings),
        .target(name: "PluginKit", dependencies: ["PluginAPI"], swiftSettings: swiftSettings),
        .target(
            name: "OverlayPlugin", dependencies: ["PluginKit", "PluginAPI", "Linux", "CLinux"],
            path: "Plugins/Overlay/Sources", swiftSettings: swiftSettings),
        // The entry function is a target of its own: tests link the sources of several plugins into one program.
        .target(
            name: "OverlayEntry", dependencies: ["OverlayPlugin", "PluginKit", "PluginAPI"],
            path: "Plugins/Overlay/Entry", swiftSettings: swiftSettings, linkerSettings: pluginLinking),
        .target(
            name: "NvidiaPlugin", dependencies: ["PluginKit", "PluginAPI", "Linux", "CLinux"],
            path: "Plugins/NvidiaGPU/Sources", swiftSettings: swiftSettings),
        .target(
            name: "NvidiaEntry", dependencies: ["NvidiaPlugin", "PluginKit", "PluginAPI"],
            path: "Plugins/NvidiaGPU/Entry", swiftSettings: swiftSettings, linkerSettings: pluginLinking),
        .testTarget(
            name: "PluginTests",
            dependencies: ["OverlayPlugin", "NvidiaPlugin", "PluginHost", "Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
        // Linked statically: the image server starts with every container and must not wait for ld.so.
        // libsquashfs stands before the codecs that it needs, since linkers look into archives in order; a program that
        // only reads takes nothing out of it.
        .target(
            name: "CCodecs", path: "Sources/Formats/CCodecs",
            linkerSettings: ["squashfs", "zstd", "z", "lz4", "lzma"].map { .linkedLibrary(":lib\($0).a") }),
        .target(
            name: "Ownership", dependencies: ["Linux", "CLinux"], path: "Sources/Formats/Ownership",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "OwnershipTests", dependencies: ["Ownership", "Linux", "CLinux"], swiftSettings: testSettings),
        .target(
            name: "Extraction", dependencies: ["Ownership", "Linux", "CLinux"], path: "Sources/Formats/Extraction",
            swiftSettings: swiftSettings),
        .target(
            name: "CExtfs", path: "Sources/Formats/CExtfs",
            linkerSettings: ["ext2fs", "com_err"].map { .linkedLibrary(":lib\($0).a") }),
        .target(
            name: "Extfs", dependencies: ["Extraction", "Linux", "CLinux", "CExtfs"], path: "Sources/Formats/Extfs",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ExtfsTests", dependencies: ["Extfs", "Extraction", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .target(
            name: "Unpacking", dependencies: ["Extfs", "Squashfs", "Extraction", "Core", "Linux"],
            path: "Sources/Formats/Unpacking", swiftSettings: swiftSettings),
        .target(
            name: "Squashfs", dependencies: ["Extraction", "Ownership", "Linux", "CLinux", "CCodecs"],
            path: "Sources/Formats/Squashfs",
            swiftSettings: swiftSettings),
        .target(name: "CFuse", path: "Sources/Helpers/CFuse", linkerSettings: [.linkedLibrary(":libfuse3.a")]),
        .target(
            name: "ImageServer", dependencies: ["Squashfs", "Extraction", "Linux", "CLinux", "CFuse"],
            path: "Sources/Helpers/ImageServer", swiftSettings: swiftSettings),
        .executableTarget(
            name: "skiff-mount", dependencies: ["ImageServer", "CLinux"], path: "Sources/Helpers/skiff-mount",
            swiftSettings: swiftSettings, linkerSettings: launcherLinking),
        .target(
            name: "RootSupervisor", dependencies: ["Core", "Ownership", "Linux", "CLinux"],
            path: "Sources/Helpers/RootSupervisor", swiftSettings: swiftSettings),
        .executableTarget(
            name: "skiff-root", dependencies: ["RootSupervisor", "CLinux"], path: "Sources/Helpers/skiff-root",
            swiftSettings: swiftSettings, linkerSettings: launcherLinking),
        .testTarget(
            name: "RootSupervisorTests", dependencies: ["RootSupervisor", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .executableTarget(
            name: "fuse-probe", dependencies: ["Linux", "CLinux"], path: "Tests/Inside/fuse-probe",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ImageServerTests",
            dependencies: ["ImageServer", "Squashfs", "skiff-mount", "fuse-probe", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "SquashfsTests", dependencies: ["Squashfs", "Extraction", "Ownership", "Linux", "CLinux"],
            swiftSettings: swiftSettings),
        .target(name: "CSquashfs", dependencies: ["CCodecs"], path: "Sources/Formats/CSquashfs"),
        .target(
            name: "SquashfsWriter", dependencies: ["Core", "Linux", "CLinux", "CSquashfs"],
            path: "Sources/Formats/SquashfsWriter", swiftSettings: swiftSettings),
        .executableTarget(
            name: "squash-probe", dependencies: ["SquashfsWriter", "Core", "Linux", "CLinux"],
            path: "Tests/Inside/squash-probe", swiftSettings: swiftSettings),
        .testTarget(
            name: "SquashfsWriterTests",
            dependencies: ["SquashfsWriter", "squash-probe", "Squashfs", "Extraction", "Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .target(name: "Grammar", dependencies: ["Core"], path: "Sources/CLI/Grammar", swiftSettings: swiftSettings),
        .target(
            name: "CLI", dependencies: ["Grammar", "PluginHost", "Core", "Linux", "CLinux"],
            path: "Sources/CLI/Commands",
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "skiff", dependencies: ["CLI"], path: "Sources/CLI/Main", swiftSettings: swiftSettings,
            linkerSettings: launcherLinking),
        .executableTarget(
            name: "skiff-docs", dependencies: ["Grammar", "PluginHost", "Core", "Linux", "CLinux"],
            path: "Sources/CLI/Docs",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "GrammarTests", dependencies: ["Grammar", "Core"], exclude: ["Snapshots"], swiftSettings: testSettings
        ),
        .target(
            name: "Inspect", dependencies: ["Grammar", "Core", "Squashfs", "Linux", "CLinux"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "InspectTests",
            dependencies: ["Inspect", "SquashfsWriter", "skiff-image", "Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .target(name: "CArchive", path: "Sources/Formats/CArchive", linkerSettings: [.linkedLibrary("archive")]),
        .target(
            name: "Archive", dependencies: ["CArchive"], path: "Sources/Formats/Archive", swiftSettings: swiftSettings),
        .target(
            name: "OCI",
            dependencies: [
                "Archive", "HTTP", "Inspect", "Digest", "Ownership", "SquashfsWriter", "CCodecs", "Core", "Linux",
                "CLinux",
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "layer-probe", dependencies: ["OCI", "SquashfsWriter", "Core", "Linux", "CLinux"],
            path: "Tests/Inside/layer-probe", swiftSettings: swiftSettings),
        .testTarget(
            name: "OCITests",
            dependencies: [
                "layer-probe", "OCI", "Archive", "Digest", "Squashfs", "SquashfsWriter", "CCodecs", "Core", "Linux",
                "CLinux",
            ],
            swiftSettings: testSettings),
        // Only its header is used here: the library is opened at the first signature.
        .target(name: "CRNP", path: "Sources/Helpers/CRNP"),
        .target(
            name: "Signing", dependencies: ["CRNP", "HTTP", "Inspect", "Digest", "Core", "Linux"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SigningTests", dependencies: ["Signing", "CRNP", "HTTP", "Digest", "Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .target(
            name: "Registries",
            dependencies: [
                "Signing", "HTTP", "OCI", "ImageCache", "Digest", "Inspect", "Squashfs", "Extraction", "CArchive",
                "Grammar",
                "PluginHost",
                "Core",
                "Linux", "CLinux",
            ],
            path: "Sources/Registry", swiftSettings: swiftSettings),
        .testTarget(
            name: "RegistryTests",
            dependencies: ["Registries", "PluginHost", "Inspect", "HTTP", "OCI", "Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .target(
            name: "Build",
            dependencies: [
                "HTTP", "Archive", "Dockerfile", "OCI", "Registries", "Signing", "ImageCache", "Digest", "Inspect",
                "Grammar",
                "PluginHost", "SquashfsWriter", "Unpacking", "Extraction", "Ownership", "Core", "Linux",
                "CLinux",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "BuildTests", dependencies: ["Build", "SquashfsWriter", "ImageCache", "Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .target(name: "Dockerfile", dependencies: ["Core"], swiftSettings: swiftSettings),
        .testTarget(name: "DockerfileTests", dependencies: ["Dockerfile", "Core"], swiftSettings: testSettings),
        .executableTarget(
            name: "skiff-image",
            dependencies: [
                "Build", "Registries", "Inspect", "SIFCommands", "Unpacking", "Extraction", "Grammar", "PluginHost",
                "Core", "Linux",
                "CLinux",
            ],
            path: "Sources/Helpers/skiff-image", swiftSettings: swiftSettings, linkerSettings: helperLinking),
        .testTarget(
            name: "ImageToolTests", dependencies: ["skiff-image", "Core", "Linux", "CLinux"],
            swiftSettings: testSettings),
    ],
    swiftLanguageModes: [.v6]
)

// Fuzz targets (Scripts/fuzz sets SKIFF_FUZZ to `plain` or `canary`): libraries, because libFuzzer brings main(). Each
// lives in Tests/Fuzz/<name>; a canary build has a planted bug that the fuzzer must find.
let fuzzTargets: [(name: String, dependencies: [Target.Dependency])] = [
    ("SIF", ["Core", "Linux"]),
    ("Manifest", ["PluginHost"]), ("LinkerCache", ["NvidiaPlugin"]), ("LibraryList", ["NvidiaPlugin"]),
    ("Squashfs", ["Squashfs"]), ("Extfs", ["Extfs", "Extraction", "Linux"]),
    ("EnvScript", ["Core", "Linux", "CLinux"]),
    ("Grammar", ["Grammar", "Core"]),
    ("Settings", ["Core"]),
    ("JSON", ["Inspect", "Core"]),
    ("Deffile", ["Build"]),
    ("Layers", ["OCI", "Archive"]), ("ImageManifest", ["OCI", "Core"]),
    ("Owner", ["Ownership"]),
    ("Dockerfile", ["Dockerfile"]),
    ("Reference", ["Registries", "Core"]),
    ("RegistryAnswer", ["Registries", "HTTP", "Core"]),
    ("Signature", ["Signing", "Core", "Linux"]),
]

if let kind = Context.environment["SKIFF_FUZZ"] {
    for (name, dependencies) in fuzzTargets {
        package.targets.append(
            .target(
                name: "Fuzz" + name, dependencies: dependencies, path: "Tests/Fuzz/" + name, exclude: ["seeds"],
                swiftSettings: testSettings + (kind == "canary" ? [.define("FUZZ_CANARY")] : [])))
    }
    package.products.append(.library(name: "Fuzz", type: .static, targets: fuzzTargets.map { "Fuzz" + $0.name }))
}
