// Every flag of our own, once. Tables describe flags by these keys, and invocations are asked by the same ones.

extension FlagKey where Value == Bool {
    package static var add: FlagKey { FlagKey("add") }
    package static var all: FlagKey { FlagKey("all") }
    package static var oomKillDisable: FlagKey { FlagKey("oom-kill-disable") }
    package static var allowSetuid: FlagKey { FlagKey("allow-setuid") }
    package static var allowUnauthenticated: FlagKey { FlagKey("allow-unauthenticated") }
    package static var allowUnsigned: FlagKey { FlagKey("allow-unsigned") }
    package static var boot: FlagKey { FlagKey("boot") }
    package static var buildConfig: FlagKey { FlagKey("build-config") }
    package static var cleanenv: FlagKey { FlagKey("cleanenv") }
    package static var compat: FlagKey { FlagKey("compat") }
    package static var contain: FlagKey { FlagKey("contain") }
    package static var containall: FlagKey { FlagKey("containall") }
    package static var data: FlagKey { FlagKey("data") }
    package static var debug: FlagKey { FlagKey("debug") }
    package static var detach: FlagKey { FlagKey("detach") }
    package static var deffile: FlagKey { FlagKey("deffile") }
    package static var disableCache: FlagKey { FlagKey("disable-cache") }
    package static var disable: FlagKey { FlagKey("disable") }
    package static var dockerLogin: FlagKey { FlagKey("docker-login") }
    package static var dryRun: FlagKey { FlagKey("dry-run") }
    package static var enable: FlagKey { FlagKey("enable") }
    package static var environment: FlagKey { FlagKey("environment") }
    package static var err: FlagKey { FlagKey("err") }
    package static var exclusive: FlagKey { FlagKey("exclusive") }
    package static var explainCache: FlagKey { FlagKey("explain-cache") }
    package static var fakeroot: FlagKey { FlagKey("fakeroot") }
    package static var fixPerms: FlagKey { FlagKey("fix-perms") }
    package static var follow: FlagKey { FlagKey("follow") }
    package static var force: FlagKey { FlagKey("force") }
    package static var get: FlagKey { FlagKey("get") }
    package static var global: FlagKey { FlagKey("global") }
    package static var help: FlagKey { FlagKey("help") }
    package static var helpfile: FlagKey { FlagKey("helpfile") }
    package static var ignoreFakerootCommand: FlagKey { FlagKey("ignore-fakeroot-command") }
    package static var ignoreProot: FlagKey { FlagKey("ignore-proot") }
    package static var ignoreSubuid: FlagKey { FlagKey("ignore-subuid") }
    package static var ignoreUserns: FlagKey { FlagKey("ignore-userns") }
    package static var insecure: FlagKey { FlagKey("insecure") }
    package static var ipc: FlagKey { FlagKey("ipc") }
    package static var json: FlagKey { FlagKey("json") }
    package static var clean: FlagKey { FlagKey("clean") }
    package static var keepPrivs: FlagKey { FlagKey("keep-privs") }
    package static var keep: FlagKey { FlagKey("keep") }
    package static var labels: FlagKey { FlagKey("labels") }
    package static var listApps: FlagKey { FlagKey("list-apps") }
    package static var logs: FlagKey { FlagKey("logs") }
    package static var net: FlagKey { FlagKey("net") }
    package static var noCache: FlagKey { FlagKey("no-cache") }
    package static var noCleanup: FlagKey { FlagKey("no-cleanup") }
    package static var noDefault: FlagKey { FlagKey("no-default") }
    package static var noEval: FlagKey { FlagKey("no-eval") }
    package static var noHome: FlagKey { FlagKey("no-home") }
    package static var noHTTPS: FlagKey { FlagKey("no-https") }
    package static var noInit: FlagKey { FlagKey("no-init") }
    package static var noLogin: FlagKey { FlagKey("no-login") }
    package static var noNewKeyring: FlagKey { FlagKey("no-new-keyring") }
    package static var noNewPrivs: FlagKey { FlagKey("no-new-privs") }
    package static var noPid: FlagKey { FlagKey("no-pid") }
    package static var noPivot: FlagKey { FlagKey("no-pivot") }
    package static var noPrivs: FlagKey { FlagKey("no-privs") }
    package static var noStream: FlagKey { FlagKey("no-stream") }
    package static var noUmask: FlagKey { FlagKey("no-umask") }
    package static var nocolor: FlagKey { FlagKey("nocolor") }
    package static var notest: FlagKey { FlagKey("notest") }
    package static var out: FlagKey { FlagKey("out") }
    package static var encrypt: FlagKey { FlagKey("encrypt") }
    package static var passphrase: FlagKey { FlagKey("passphrase") }
    package static var passwordStdin: FlagKey { FlagKey("password-stdin") }
    package static var pid: FlagKey { FlagKey("pid") }
    package static var quiet: FlagKey { FlagKey("quiet") }
    package static var remove: FlagKey { FlagKey("remove") }
    package static var reproducible: FlagKey { FlagKey("reproducible") }
    package static var reset: FlagKey { FlagKey("reset") }
    package static var runscript: FlagKey { FlagKey("runscript") }
    package static var sandbox: FlagKey { FlagKey("sandbox") }
    package static var set: FlagKey { FlagKey("set") }
    package static var signed: FlagKey { FlagKey("signed") }
    package static var silent: FlagKey { FlagKey("silent") }
    package static var sharens: FlagKey { FlagKey("sharens") }
    package static var startscript: FlagKey { FlagKey("startscript") }
    package static var rootlessBundle: FlagKey { FlagKey("rootless") }
    package static var stats: FlagKey { FlagKey("stats") }
    package static var systemdCgroup: FlagKey { FlagKey("systemd-cgroup") }
    package static var test: FlagKey { FlagKey("test") }
    package static var tty: FlagKey { FlagKey("tty") }
    package static var underlay: FlagKey { FlagKey("underlay") }
    package static var unset: FlagKey { FlagKey("unset") }
    package static var unsquash: FlagKey { FlagKey("unsquash") }
    package static var update: FlagKey { FlagKey("update") }
    package static var userns: FlagKey { FlagKey("userns") }
    package static var uts: FlagKey { FlagKey("uts") }
    package static var verbose: FlagKey { FlagKey("verbose") }
    package static var version: FlagKey { FlagKey("version") }
    package static var warnUnusedBuildArgs: FlagKey { FlagKey("warn-unused-build-args") }
    package static var writable: FlagKey { FlagKey("writable") }
}

extension FlagKey where Value == String {
    package static var bundle: FlagKey { FlagKey("bundle") }
    package static var consoleSocket: FlagKey { FlagKey("console-socket") }
    package static var format: FlagKey { FlagKey("format") }
    package static var fromFile: FlagKey { FlagKey("from-file") }
    package static var log: FlagKey { FlagKey("log") }
    package static var process: FlagKey { FlagKey("process") }
    package static var interval: FlagKey { FlagKey("interval") }
    package static var resources: FlagKey { FlagKey("resources") }
    package static var root: FlagKey { FlagKey("root") }
    package static var rootless: FlagKey { FlagKey("rootless") }
    package static var logFormat: FlagKey { FlagKey("log-format") }
    package static var logPath: FlagKey { FlagKey("log-path") }
    package static var addCaps: FlagKey { FlagKey("add-caps") }
    package static var app: FlagKey { FlagKey("app") }
    package static var applyCgroups: FlagKey { FlagKey("apply-cgroups") }
    package static var cpus: FlagKey { FlagKey("cpus") }
    package static var cpusetCpus: FlagKey { FlagKey("cpuset-cpus") }
    package static var cpusetMems: FlagKey { FlagKey("cpuset-mems") }
    package static var memory: FlagKey { FlagKey("memory") }
    package static var memoryReservation: FlagKey { FlagKey("memory-reservation") }
    package static var memorySwap: FlagKey { FlagKey("memory-swap") }
    package static var arch: FlagKey { FlagKey("arch") }
    package static var archVariant: FlagKey { FlagKey("arch-variant") }
    package static var authfile: FlagKey { FlagKey("authfile") }
    package static var buildArgFile: FlagKey { FlagKey("build-arg-file") }
    package static var buildContext: FlagKey { FlagKey("build-context") }
    package static var compression: FlagKey { FlagKey("compression") }
    package static var config: FlagKey { FlagKey("config") }
    package static var cwd: FlagKey { FlagKey("cwd") }
    package static var description: FlagKey { FlagKey("description") }
    package static var dir: FlagKey { FlagKey("dir") }
    package static var dns: FlagKey { FlagKey("dns") }
    package static var dockerHost: FlagKey { FlagKey("docker-host") }
    package static var dockerPassword: FlagKey { FlagKey("docker-password") }
    package static var dockerUsername: FlagKey { FlagKey("docker-username") }
    package static var dropCaps: FlagKey { FlagKey("drop-caps") }
    package static var explain: FlagKey { FlagKey("explain") }
    package static var filename: FlagKey { FlagKey("filename") }
    package static var home: FlagKey { FlagKey("home") }
    package static var group: FlagKey { FlagKey("group") }
    package static var hostname: FlagKey { FlagKey("hostname") }
    package static var encryption: FlagKey { FlagKey("encryption") }
    package static var keyCommand: FlagKey { FlagKey("key-command") }
    package static var keyring: FlagKey { FlagKey("keyring") }
    package static var library: FlagKey { FlagKey("library") }
    package static var mksquashfsArgs: FlagKey { FlagKey("mksquashfs-args") }
    package static var name: FlagKey { FlagKey("name") }
    package static var netnsPath: FlagKey { FlagKey("netns-path") }
    package static var network: FlagKey { FlagKey("network") }
    package static var only: FlagKey { FlagKey("only") }
    package static var out: FlagKey { FlagKey("out") }
    package static var password: FlagKey { FlagKey("password") }
    package static var pemPath: FlagKey { FlagKey("pem-path") }
    package static var pidFile: FlagKey { FlagKey("pid-file") }
    package static var platform: FlagKey { FlagKey("platform") }
    package static var pull: FlagKey { FlagKey("pull") }
    package static var pwd: FlagKey { FlagKey("pwd") }
    package static var sbomformat: FlagKey { FlagKey("sbomformat") }
    package static var shell: FlagKey { FlagKey("shell") }
    package static var signal: FlagKey { FlagKey("signal") }
    package static var signentity: FlagKey { FlagKey("signentity") }
    package static var skip: FlagKey { FlagKey("skip") }
    package static var target: FlagKey { FlagKey("target") }
    package static var tmpdir: FlagKey { FlagKey("tmpdir") }
    package static var tokenfile: FlagKey { FlagKey("tokenfile") }
    package static var user: FlagKey { FlagKey("user") }
    package static var username: FlagKey { FlagKey("username") }
    package static var workdir: FlagKey { FlagKey("workdir") }
}

extension FlagKey where Value == Int {
    package static var alignment: FlagKey { FlagKey("alignment") }
    package static var blkioWeight: FlagKey { FlagKey("blkio-weight") }
    package static var cpuShares: FlagKey { FlagKey("cpu-shares") }
    package static var cpuPeriod: FlagKey { FlagKey("cpu-period") }
    package static var cpuQuota: FlagKey { FlagKey("cpu-quota") }
    package static var cpuRealtimePeriod: FlagKey { FlagKey("cpu-rt-period") }
    package static var cpuRealtimeRuntime: FlagKey { FlagKey("cpu-rt-runtime") }
    package static var cpuShare: FlagKey { FlagKey("cpu-share") }
    package static var pidsLimit: FlagKey { FlagKey("pids-limit") }
    package static var datatype: FlagKey { FlagKey("datatype") }
    package static var days: FlagKey { FlagKey("days") }
    package static var groupID: FlagKey { FlagKey("groupid", .uint32) }
    package static var link: FlagKey { FlagKey("link", .uint32) }
    package static var order: FlagKey { FlagKey("order", .uint32) }
    package static var passphraseDescriptor: FlagKey { FlagKey("passphrase-fd", .int32) }
    package static var partarch: FlagKey { FlagKey("partarch", .int32) }
    package static var partfs: FlagKey { FlagKey("partfs", .int32) }
    package static var parttype: FlagKey { FlagKey("parttype", .int32) }
    package static var preserveFds: FlagKey { FlagKey("preserve-fds") }
    package static var signhash: FlagKey { FlagKey("signhash", .int32) }
    package static var timeout: FlagKey { FlagKey("timeout") }
}

extension FlagKey where Value == [String] {
    package static var additionalGids: FlagKey { FlagKey("additional-gids") }
    package static var annotation: FlagKey { FlagKey("annotation", .array) }
    package static var bind: FlagKey { FlagKey("bind", .array) }
    package static var blkioWeightDevice: FlagKey { FlagKey("blkio-weight-device") }
    package static var buildArg: FlagKey { FlagKey("build-arg") }
    package static var cap: FlagKey { FlagKey("cap") }
    package static var device: FlagKey { FlagKey("device") }
    package static var cdiDirs: FlagKey { FlagKey("cdi-dirs") }
    package static var containlibs: FlagKey { FlagKey("containlibs") }
    package static var environmentEntries: FlagKey { FlagKey("env", .array) }
    package static var envFile: FlagKey { FlagKey("env-file") }
    package static var mount: FlagKey { FlagKey("mount", .array) }
    package static var networkArgs: FlagKey { FlagKey("network-args") }
    package static var noEnv: FlagKey { FlagKey("no-env") }
    package static var noMount: FlagKey { FlagKey("no-mount") }
    package static var scratch: FlagKey { FlagKey("scratch") }
    package static var section: FlagKey { FlagKey("section") }
    package static var security: FlagKey { FlagKey("security") }
    package static var type: FlagKey { FlagKey("type") }
}

extension FlagKey where Value == [Assignment.Pair] {
    package static var env: FlagKey { FlagKey("env") }
}
