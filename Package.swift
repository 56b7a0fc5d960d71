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
            "-Xlinker", "--no-export-dynamic",
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
        .library(name: "BridgeNet", type: .dynamic, targets: ["BridgeNetEntry"]),
        .library(name: "Overlay", type: .dynamic, targets: ["OverlayEntry"]),
        .library(name: "Encryption", type: .dynamic, targets: ["EncryptionEntry"]),
    ],
    targets: [
        .target(
            name: "TestSupport", dependencies: ["Shell", "Linux", "CLinux"], path: "Tests/TestSupport",
            swiftSettings: testSettings),

        // The door to the kernel, and what everything stands on.
        .target(name: "CLinux"),
        .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: swiftSettings),
        .target(name: "Base", dependencies: ["Linux", "CLinux"], swiftSettings: swiftSettings),
        .target(name: "Patterns", swiftSettings: swiftSettings),
        .target(name: "Shell", dependencies: ["Patterns", "Linux", "CLinux"], swiftSettings: swiftSettings),
        .target(name: "Core", dependencies: ["ELF", "Shell", "Base", "Linux", "CLinux"], swiftSettings: swiftSettings),

        // Formats of files, each over the library that knows it.
        .target(name: "CDigest", path: "Sources/Formats/CDigest"),
        .target(
            name: "Digest", dependencies: ["CDigest", "Base"], path: "Sources/Formats/Digest",
            swiftSettings: swiftSettings),
        .target(name: "CArchive", path: "Sources/Formats/CArchive"),
        .target(
            name: "Archive", dependencies: ["CArchive", "Base"], path: "Sources/Formats/Archive",
            swiftSettings: swiftSettings),
        .target(name: "ELF", path: "Sources/Formats/ELF", swiftSettings: swiftSettings),
        .target(name: "TOML", path: "Sources/Formats/TOML", swiftSettings: swiftSettings),
        .target(
            name: "Ownership", dependencies: ["Linux", "CLinux"], path: "Sources/Formats/Ownership",
            swiftSettings: swiftSettings),
        // Linked statically: the image server starts with every container and must not wait for ld.so.
        // libsquashfs stands before the codecs that it needs, since linkers look into archives in order; a program that
        // only reads takes nothing out of it.
        .target(
            name: "CCodecs", path: "Sources/Formats/CCodecs",
            linkerSettings: ["squashfs", "zstd", "z", "lz4", "lzma"].map { .linkedLibrary(":lib\($0).a") }),
        .target(
            name: "Extraction", dependencies: ["Ownership", "Linux", "CLinux"], path: "Sources/Formats/Extraction",
            swiftSettings: swiftSettings),
        .target(
            name: "CExtfs", path: "Sources/Formats/CExtfs",
            linkerSettings: ["ext2fs", "com_err"].map { .linkedLibrary(":lib\($0).a") }),
        .target(
            name: "Extfs", dependencies: ["Extraction", "Linux", "CLinux", "CExtfs"], path: "Sources/Formats/Extfs",
            swiftSettings: swiftSettings),
        .target(
            name: "Unpacking", dependencies: ["Extfs", "Squashfs", "Extraction", "Core", "Linux"],
            path: "Sources/Formats/Unpacking", swiftSettings: swiftSettings),
        .target(
            name: "Squashfs", dependencies: ["Extraction", "Linux", "CCodecs"],
            path: "Sources/Formats/Squashfs", swiftSettings: swiftSettings),
        .target(name: "CSquashfs", dependencies: ["CCodecs"], path: "Sources/Formats/CSquashfs"),
        .target(
            name: "SquashfsWriter", dependencies: ["Base", "Linux", "CLinux", "CSquashfs"],
            path: "Sources/Formats/SquashfsWriter", swiftSettings: swiftSettings),

        // Images from elsewhere, and builds.
        // Only its header is used here: the library is opened at the first exchange.
        .target(name: "CCurl", path: "Sources/HTTP/CCurl"),
        .target(
            name: "HTTP", dependencies: ["CCurl", "Base", "Linux", "CLinux"], exclude: ["CCurl"],
            swiftSettings: swiftSettings),
        .target(
            name: "ImageCache", dependencies: ["Digest", "Base", "Linux", "CLinux"], swiftSettings: swiftSettings),
        .target(
            name: "Inspect", dependencies: ["Packing", "Core", "Base", "Squashfs", "Linux"],
            swiftSettings: swiftSettings),
        .target(
            name: "OCI",
            dependencies: [
                "Archive", "HTTP", "Digest", "Ownership", "SquashfsWriter", "CCodecs", "Core", "Base",
                "Linux", "CLinux",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Packing",
            dependencies: ["OCI", "SquashfsWriter", "Ownership", "Core", "Base", "Linux", "CLinux"],
            swiftSettings: swiftSettings),
        // Only its header is used here: the library is opened at the first signature.
        .target(name: "CRNP", path: "Sources/Signing/CRNP"),
        .target(
            name: "Signing", dependencies: ["CRNP", "HTTP", "Digest", "Core", "Base", "Linux"],
            exclude: ["CRNP"], swiftSettings: swiftSettings),
        .target(
            name: "Registry",
            dependencies: [
                "Signing", "HTTP", "Packing", "OCI", "SquashfsWriter", "ImageCache", "Digest", "Squashfs", "Extraction",
                "Archive", "CArchive", "PluginHost", "Core", "Base", "Linux", "CLinux",
            ],
            swiftSettings: swiftSettings),
        .target(name: "Dockerfile", dependencies: ["Patterns", "Base", "Linux"], swiftSettings: swiftSettings),
        .target(
            name: "Build",
            dependencies: [
                "HTTP", "Archive", "Dockerfile", "Patterns", "Packing", "OCI", "Registry", "Signing", "ImageCache",
                "Digest",
                "PluginHost", "Squashfs", "SquashfsWriter", "Unpacking", "Extraction", "Ownership", "Core", "Shell",
                "Base",
                "Linux",
                "CLinux",
            ],
            swiftSettings: swiftSettings),

        // Plugins: the interface, the host that opens them, the comfort for Swift, and the stock ones.
        .target(name: "PluginAPI", exclude: ["layout.def"]),
        // libffi is linked statically, so that a start that calls nothing through it pays nothing for it.
        .target(
            name: "CTypedCall", path: "Sources/PluginHost/CTypedCall",
            linkerSettings: [.linkedLibrary(":libffi_pic.a")]),
        .target(
            name: "PluginHost",
            dependencies: ["ELF", "Core", "Base", "Linux", "CLinux", "PluginAPI", "CTypedCall"],
            exclude: ["CTypedCall"], swiftSettings: swiftSettings),
        // Installed as a package of its own, so it uses nothing that is private to skiff.
        .target(name: "PluginKit", dependencies: ["PluginAPI", "ELF"], swiftSettings: swiftSettings),
        .target(
            name: "OverlayPlugin", dependencies: ["PluginKit", "PluginAPI"],
            path: "Plugins/Overlay/Sources", swiftSettings: swiftSettings),
        // The entry function is a target of its own: tests link the sources of several plugins into one program.
        .target(
            name: "OverlayEntry", dependencies: ["OverlayPlugin", "PluginKit", "PluginAPI"],
            path: "Plugins/Overlay/Entry", swiftSettings: swiftSettings, linkerSettings: pluginLinking),
        // In C, as the two libraries between which it stands.
        .executableTarget(
            name: "skiff-extfs", path: "Plugins/Overlay/Server",
            cSettings: [.define("_GNU_SOURCE"), .unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: ["fuse3", "ext2fs", "com_err"].map { .linkedLibrary(":lib\($0).a") }),
        .executableTarget(
            name: "skiff-seal",
            dependencies: ["Extfs", "Extraction", "SquashfsWriter", "Base", "Linux", "CLinux"],
            path: "Plugins/Overlay/Seal", swiftSettings: swiftSettings, linkerSettings: helperLinking),
        // Only the headers of its libraries are used here: they are opened when an image is encrypted.
        .target(
            name: "COpenSSL", path: "Plugins/Encryption/COpenSSL", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "CInflate", path: "Plugins/Encryption/CInflate"),
        .target(name: "CArgon2", path: "Plugins/Encryption/CArgon2", cSettings: [.define("_GNU_SOURCE")]),
        .target(
            name: "CCryptsetup", path: "Plugins/Encryption/CCryptsetup", cSettings: [.define("_GNU_SOURCE")]),
        .target(
            name: "EncryptionPlugin",
            dependencies: ["CArgon2", "CCryptsetup", "CInflate", "COpenSSL", "PluginKit", "PluginAPI"],
            path: "Plugins/Encryption/Sources", swiftSettings: swiftSettings),
        .target(
            name: "EncryptionEntry", dependencies: ["EncryptionPlugin", "PluginKit", "PluginAPI"],
            path: "Plugins/Encryption/Entry", swiftSettings: swiftSettings, linkerSettings: pluginLinking),
        .target(
            name: "CSecretProcess", path: "Plugins/Encryption/CSecretProcess",
            cSettings: [.define("_GNU_SOURCE"), .unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        // A program of its own, since a token brings libraries of its own.
        .executableTarget(
            name: "skiff-token", dependencies: ["CSecretProcess"], path: "Plugins/Encryption/Token",
            cSettings: [.define("_GNU_SOURCE"), .unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.unsafeFlags(["-Xlinker", "--as-needed"]), .linkedLibrary("crypto")]),
        .target(
            name: "CBridgeNet", path: "Plugins/BridgeNet/CBridgeNet", cSettings: [.define("_GNU_SOURCE")],
            linkerSettings: [.linkedLibrary("mnl")]),
        .target(
            name: "BridgeNetPlugin", dependencies: ["CBridgeNet", "PluginKit", "PluginAPI"],
            path: "Plugins/BridgeNet/Sources", swiftSettings: swiftSettings),
        .target(
            name: "BridgeNetEntry", dependencies: ["BridgeNetPlugin", "PluginKit", "PluginAPI"],
            path: "Plugins/BridgeNet/Entry", swiftSettings: swiftSettings, linkerSettings: pluginLinking),
        .target(
            name: "NvidiaPlugin", dependencies: ["PluginKit", "PluginAPI"],
            path: "Plugins/NvidiaGPU/Sources", swiftSettings: swiftSettings),
        .target(
            name: "NvidiaEntry", dependencies: ["NvidiaPlugin", "PluginKit", "PluginAPI"],
            path: "Plugins/NvidiaGPU/Entry", swiftSettings: swiftSettings, linkerSettings: pluginLinking),

        // Only its header is used here: the library is opened for the first profile.
        .target(name: "CSeccomp", path: "Sources/Administration/CSeccomp"),
        .target(
            name: "Administration", dependencies: ["CSeccomp", "TOML", "Signing", "Core", "Base", "Linux", "CLinux"],
            exclude: ["CSeccomp"], swiftSettings: swiftSettings),
        // The library is opened when systemd is asked.
        .target(name: "CSystemd", path: "Sources/Systemd/CSystemd"),
        .target(
            name: "Systemd", dependencies: ["CSystemd", "Base", "Linux", "CLinux"], exclude: ["CSystemd"],
            swiftSettings: swiftSettings),
        .target(name: "Bundles", dependencies: ["Core", "Base", "Linux", "CLinux"], swiftSettings: swiftSettings),
        .target(
            name: "Doctor",
            dependencies: ["Build", "ImageCache", "Ownership", "PluginHost", "Core", "ELF", "Base", "Linux", "CLinux"],
            swiftSettings: swiftSettings),

        // The command line and the programs.
        .target(name: "Grammar", dependencies: ["Core", "Base"], swiftSettings: swiftSettings),
        .target(
            name: "InstalledGrammar", dependencies: ["Grammar", "PluginHost", "Core", "Base"],
            path: "Sources/Programs/InstalledGrammar", swiftSettings: swiftSettings),
        .executableTarget(
            name: "skiff",
            dependencies: ["InstalledGrammar", "Grammar", "PluginHost", "Core", "Base", "Linux", "CLinux"],
            path: "Sources/Programs/skiff", swiftSettings: swiftSettings, linkerSettings: launcherLinking),
        .executableTarget(
            name: "skiff-image",
            dependencies: [
                "Administration", "Systemd", "Doctor", "Build", "Packing", "Registry", "Signing", "HTTP", "OCI",
                "ImageCache", "Inspect", "Digest", "TOML",
                "SquashfsWriter",
                "Unpacking", "Extraction", "InstalledGrammar", "Grammar", "PluginHost", "Core", "Base", "Linux",
                "CLinux",
            ],
            path: "Sources/Programs/skiff-image", swiftSettings: swiftSettings, linkerSettings: helperLinking),
        .target(
            name: "CFuse", path: "Sources/Programs/skiff-mount/CFuse",
            linkerSettings: [.linkedLibrary(":libfuse3.a")]),
        .executableTarget(
            name: "skiff-mount",
            dependencies: ["PluginHost", "Core", "Base", "Squashfs", "Extraction", "Linux", "CLinux", "CFuse"],
            path: "Sources/Programs/skiff-mount", exclude: ["CFuse"], swiftSettings: swiftSettings,
            linkerSettings: launcherLinking),
        .executableTarget(
            name: "skiff-root", dependencies: ["Core", "Base", "Ownership", "Linux", "CLinux"],
            path: "Sources/Programs/skiff-root", swiftSettings: swiftSettings, linkerSettings: launcherLinking),
        .executableTarget(
            name: "skiff-runtime", dependencies: ["Bundles", "Grammar", "Core", "Base", "Linux", "CLinux"],
            path: "Sources/Programs/skiff-runtime", swiftSettings: swiftSettings, linkerSettings: launcherLinking),
        .executableTarget(
            name: "skiff-docs",
            dependencies: ["InstalledGrammar", "Grammar", "PluginHost", "Core", "Base", "Linux", "CLinux"],
            path: "Sources/Programs/skiff-docs", swiftSettings: swiftSettings),

        // Programs that tests run.
        .executableTarget(
            name: "fuse-probe", dependencies: ["Linux", "CLinux"], path: "Tests/Inside/fuse-probe",
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "squash-probe", dependencies: ["SquashfsWriter", "Base", "Linux", "CLinux"],
            path: "Tests/Inside/squash-probe", swiftSettings: swiftSettings),
        .executableTarget(
            name: "layer-probe", dependencies: ["OCI", "SquashfsWriter", "Core", "Base", "Linux", "CLinux"],
            path: "Tests/Inside/layer-probe", swiftSettings: swiftSettings),

        // Tests: one target for each module, and the end-to-end tests of the installed programs.
        .testTarget(name: "LinuxTests", dependencies: ["Linux", "CLinux"], swiftSettings: testSettings),
        .testTarget(name: "TOMLTests", dependencies: ["TOML"], swiftSettings: testSettings),
        .testTarget(name: "ELFTests", dependencies: ["ELF", "Linux"], swiftSettings: testSettings),
        .testTarget(name: "BaseTests", dependencies: ["Base", "Linux", "CLinux"], swiftSettings: testSettings),
        .testTarget(name: "ShellTests", dependencies: ["Shell", "Linux", "CLinux"], swiftSettings: testSettings),
        .testTarget(name: "PatternsTests", dependencies: ["Patterns"], swiftSettings: testSettings),
        .testTarget(name: "DigestTests", dependencies: ["Digest", "Base"], swiftSettings: testSettings),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Base", "Linux", "CLinux"], swiftSettings: testSettings),
        .testTarget(
            name: "CoreTests", dependencies: ["Core", "Shell", "Base", "Linux", "CLinux"], swiftSettings: testSettings),
        .testTarget(
            name: "OwnershipTests", dependencies: ["Ownership", "Linux", "CLinux"], swiftSettings: testSettings),
        .testTarget(
            name: "ExtfsTests", dependencies: ["Extfs", "Extraction", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "SquashfsTests", dependencies: ["Squashfs", "Extraction", "Ownership", "Linux", "CLinux"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SquashfsWriterTests",
            dependencies: ["SquashfsWriter", "squash-probe", "Squashfs", "Extraction", "Base", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "AdministrationTests", dependencies: ["Administration", "Core", "Base", "Linux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "SystemdTests", dependencies: ["Systemd", "Base", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "BundlesTests", dependencies: ["Bundles", "Core", "Base", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "DoctorTests", dependencies: ["Doctor", "Core", "Base", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "ImageCacheTests", dependencies: ["ImageCache", "Base", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "InspectTests",
            dependencies: ["Inspect", "Packing", "SquashfsWriter", "skiff-image", "Core", "Base", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "OCITests",
            dependencies: [
                "layer-probe", "OCI", "Archive", "Digest", "Squashfs", "SquashfsWriter", "CCodecs", "Core", "Base",
                "Linux", "CLinux",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "SigningTests",
            dependencies: ["Signing", "CRNP", "HTTP", "Digest", "Core", "Base", "Linux", "CLinux"],
            swiftSettings: testSettings),
        .testTarget(
            name: "RegistryTests",
            dependencies: [
                "Registry", "PluginHost", "HTTP", "OCI", "Digest", "Core", "Base", "Linux", "CLinux",
            ],
            swiftSettings: testSettings),
        .testTarget(name: "DockerfileTests", dependencies: ["Dockerfile", "Base"], swiftSettings: testSettings),
        .testTarget(
            name: "PackingTests",
            dependencies: [
                "Packing", "OCI", "Digest", "Ownership", "Squashfs", "SquashfsWriter", "Core", "Base", "Linux",
                "CLinux",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "BuildTests",
            dependencies: [
                "Build", "Patterns", "Packing", "Dockerfile", "ImageCache", "Core", "Base", "Linux", "CLinux",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "PluginHostTests",
            dependencies: [
                "skiff", "InstalledGrammar", "PluginHost", "PluginAPI", "CTypedCall", "Grammar", "Core", "Base",
                "Linux", "CLinux",
            ],
            exclude: ["Fixtures"], swiftSettings: testSettings),
        .testTarget(
            name: "PluginTests",
            dependencies: [
                "BridgeNetPlugin", "EncryptionPlugin", "OverlayPlugin", "NvidiaPlugin", "PluginKit", "PluginHost",
                "Core",
                "Base", "Linux", "CLinux",
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "GrammarTests", dependencies: ["Grammar", "Core", "Base"], exclude: ["Snapshots"],
            swiftSettings: testSettings),
        .testTarget(
            name: "skiff-image-tests",
            dependencies: ["skiff-image", "TOML", "Grammar", "Core", "Base", "Linux", "CLinux"],
            path: "Tests/skiff-image-tests", exclude: ["SIF/Expected"], swiftSettings: testSettings),
        .testTarget(
            name: "skiff-mount-tests",
            dependencies: ["skiff-mount", "Squashfs", "fuse-probe", "Linux", "CLinux"],
            path: "Tests/skiff-mount-tests", swiftSettings: testSettings),
        .testTarget(
            name: "skiff-root-tests", dependencies: ["skiff-root", "Linux", "CLinux"],
            path: "Tests/skiff-root-tests", swiftSettings: testSettings),
        .testTarget(
            name: "EndToEnd", dependencies: ["Digest", "Core", "Linux", "CLinux"], swiftSettings: testSettings),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type == .test { target.dependencies.append("TestSupport") }
// A build for use needs no tests, and a toolchain may lack the module Testing for it.
if isRelease { package.targets.removeAll { $0.type == .test || $0.name == "TestSupport" } }

// Fuzz targets (Scripts/fuzz sets SKIFF_FUZZ to `plain` or `canary`): libraries, because libFuzzer brings main(). Each
// lives in Tests/Fuzz/<name>; a canary build has a planted bug that the fuzzer must find.
let fuzzTargets: [(name: String, dependencies: [Target.Dependency])] = [
    ("SIF", ["Core", "Base", "Linux"]),
    ("Manifest", ["PluginHost"]), ("LinkerCache", ["ELF"]), ("LibraryList", ["NvidiaPlugin"]),
    ("NetworkList", ["BridgeNetPlugin", "PluginKit"]), ("NameQuestion", ["CBridgeNet"]),
    ("LUKSHeader", ["EncryptionPlugin"]), ("KeyMaterial", ["EncryptionPlugin", "PluginKit"]),
    ("OuterImage", ["EncryptionPlugin"]),
    ("ExtfsServer", ["CExtfsServer"]), ("Overlay", ["OverlayPlugin", "Linux"]),
    ("Squashfs", ["Squashfs"]), ("Extfs", ["Extfs", "Extraction", "Linux"]),
    ("EnvScript", ["Core", "Shell", "Linux", "CLinux"]),
    ("Grammar", ["Grammar", "Core", "Base"]),
    ("Settings", ["Core", "Base", "Linux"]),
    ("JSON", ["Packing", "Core", "Base"]), ("TOML", ["TOML"]),
    ("Deffile", ["Build"]),
    ("BundleConfiguration", ["Bundles", "Core", "Base"]),
    ("Layers", ["OCI", "Archive"]), ("ImageManifest", ["OCI", "Core", "Base"]),
    ("Owner", ["Ownership"]),
    ("Dockerfile", ["Dockerfile"]),
    ("Reference", ["Registry", "Core", "Base"]),
    ("RegistryAnswer", ["Registry", "HTTP", "Core", "Base"]),
    ("Signature", ["Signing", "Core", "Base", "Linux"]),
    ("Interpreter", ["Core"]),
]

if let kind = Context.environment["SKIFF_FUZZ"] {
    // The sources of skiff-extfs below a libfuse of the test's own.
    package.targets.append(
        .target(name: "CExtfsServer", path: "Tests/Fuzz/CExtfsServer", cSettings: [.define("_GNU_SOURCE")]))
    for (name, dependencies) in fuzzTargets {
        package.targets.append(
            .target(
                name: "Fuzz" + name, dependencies: dependencies, path: "Tests/Fuzz/" + name, exclude: ["seeds"],
                swiftSettings: testSettings + (kind == "canary" ? [.define("FUZZ_CANARY")] : [])))
    }
    package.products.append(.library(name: "Fuzz", type: .static, targets: fuzzTargets.map { "Fuzz" + $0.name }))
}
