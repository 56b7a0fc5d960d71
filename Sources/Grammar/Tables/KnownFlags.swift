// Written by Scripts/known-flags from Docs/spec/cli.md and the manifests of Plugins/: change those.

/// The flags that Apptainer and the plugins of this repository have: one line each,
/// `commands|name|letter|variables|plugin`; those of plugins come first.
enum KnownFlags {
    static var lines: String {
        """
        exec,run,shell,test,build|nv||NV|org.skiff.nvidia-gpu
        exec,run,shell,test|no-nv||NV_OFF NO_NV|org.skiff.nvidia-gpu
        exec,run,shell,test,build|compat32||COMPAT32|org.skiff.nvidia-gpu
        exec,run,shell,test|overlay|o|OVERLAY OVERLAYIMAGE|org.skiff.overlay
        exec,run,shell,test,build|writable-tmpfs||WRITABLE_TMPFS|org.skiff.overlay
        exec,run,shell,test|app||APP APPNAME|
        exec,run,shell,test|bind|B|BIND BINDPATH|
        exec,run,shell,test|mount||MOUNT|
        exec,run,shell,test|home|H|HOME|
        exec,run,shell,test|no-home||NO_HOME|
        exec,run,shell,test|no-mount||NO_MOUNT|
        exec,run,shell,test|overlay|o|OVERLAY OVERLAYIMAGE|
        exec,run,shell,test|scratch|S|SCRATCH SCRATCHDIR|
        exec,run,shell,test|workdir|W|WORKDIR|
        exec,run,shell,test|cwd||CWD TARGET_CWD|
        exec,run,shell,test|pwd||PWD TARGET_PWD|
        exec,run,shell,test|contain|c|CONTAIN|
        exec,run,shell,test|containall|C|CONTAINALL|
        exec,run,shell,test|compat||COMPAT|
        exec,run,shell,test|cleanenv|e|CLEANENV|
        exec,run,shell,test|env|||
        exec,run,shell,test|env-file||ENV_FILE|
        exec,run,shell,test|no-env||NOENV|
        exec,run,shell,test|no-eval||NO_EVAL|
        exec,run,shell,test|no-umask||NO_UMASK|
        exec,run,shell,test|writable|w|WRITABLE|
        exec,run,shell,test|writable-tmpfs||WRITABLE_TMPFS|
        exec,run,shell,test|underlay||UNDERLAY|
        exec,run,shell,test|unsquash||UNSQUASH|
        exec,run,shell,test|tmpdir||TMPDIR|
        exec,run,shell,test|pid|p|PID UNSHARE_PID|
        exec,run,shell,test|no-pid||NO_PID|
        exec,run,shell,test|ipc|i|IPC UNSHARE_IPC|
        exec,run,shell,test|net|n|NET UNSHARE_NET|
        exec,run,shell,test|uts||UTS UNSHARE_UTS|
        exec,run,shell,test|userns|u|USERNS UNSHARE_USERNS|
        exec,run,shell,test|no-init||NOSHIMINIT|
        exec,run,shell,test|hostname||HOSTNAME|
        exec,run,shell,test|dns||DNS|
        exec,run,shell,test|network||NETWORK|
        exec,run,shell,test|network-args||NETWORK_ARGS|
        exec,run,shell,test|netns-path||NETNS_PATH|
        exec,run,shell,test|fakeroot|f|FAKEROOT|
        exec,run,shell,test|keep-privs||KEEP_PRIVS|
        exec,run,shell,test|no-privs||NO_PRIVS|
        exec,run,shell,test|add-caps||ADD_CAPS|
        exec,run,shell,test|drop-caps||DROP_CAPS|
        exec,run,shell,test|allow-setuid||ALLOW_SETUID|
        exec,run,shell,test|security||SECURITY|
        exec,run,shell,test|fusemount||FUSESPEC|
        exec,run,shell,test|nv||NV|
        exec,run,shell,test|nvccli||NVCCLI|
        exec,run,shell,test|rocm||ROCM|
        exec,run,shell,test|no-nv||NV_OFF NO_NV|
        exec,run,shell,test|no-rocm||ROCM_OFF NO_ROCM|
        exec,run,shell,test|compat32||COMPAT32|
        exec,run,shell,test|intel-hpu||INTEL_HPU|
        exec,run,shell,test|device|||
        exec,run,shell,test|cdi-dirs|||
        exec,run,shell,test|containlibs||CONTAINLIBS|
        exec,run,shell,test|apply-cgroups||APPLY_CGROUPS|
        exec,run,shell,test|memory||MEMORY|
        exec,run,shell,test|memory-reservation||MEMORY_RESERVATION|
        exec,run,shell,test|memory-swap||MEMORY_SWAP|
        exec,run,shell,test|oom-kill-disable||OOM_KILL_DISABLE|
        exec,run,shell,test|cpus||CPU_SHARES CPUS|
        exec,run,shell,test|cpu-shares||CPU_SHARES|
        exec,run,shell,test|cpuset-cpus||CPUSET_CPUS|
        exec,run,shell,test|cpuset-mems||CPUSET_MEMS|
        exec,run,shell,test|blkio-weight||BLKIO_WEIGHT|
        exec,run,shell,test|blkio-weight-device||BLKIO_WEIGHT_DEVICE|
        exec,run,shell,test|pids-limit||PIDS_LIMIT|
        exec,run,shell,test|disable-cache||DISABLE_CACHE|
        exec,run,shell,test|no-https||NOHTTPS NO_HTTPS|
        exec,run,shell,test|docker-login||DOCKER_LOGIN|
        exec,run,shell,test|docker-username|||
        exec,run,shell,test|docker-password|||
        exec,run,shell,test|docker-host||DOCKER_HOST|
        exec,run,shell,test|authfile||AUTH_FILE|
        exec,run,shell,test|passphrase|||
        exec,run,shell,test|pem-path|||
        exec,run,shell,test|sharens||SHARENS|
        run|runscript-timeout||RUNSCRIPT_TIMEOUT|
        shell|shell|s|SHELL|
        exec,run,shell,test|ignore-subuid||IGNORE_SUBUID|
        exec,run,shell,test|ignore-fakeroot-command||IGNORE_FAKEROOT_COMMAND|
        exec,run,shell,test|ignore-userns||IGNORE_USERNS|
        build|sandbox|s|SANDBOX|
        build|data||DATA|
        build|update|u|UPDATE|
        build|force|F|FORCE|
        build|section||SECTION|
        build|notest|T|NOTEST|
        build|json||JSON|
        build|fakeroot|f|FAKEROOT|
        build|fix-perms||FIXPERMS|
        build|disable-cache||DISABLE_CACHE|
        build|no-cleanup||NO_CLEANUP|
        build|library||LIBRARY|
        build|arch||BUILD_ARCH|
        build|arch-variant||BUILD_ARCH_VARIANT|
        build|encrypt|e||
        build|passphrase|||
        build|pem-path|||
        build|mksquashfs-args||MKSQUASHFS_ARGS|
        build|nv|||
        build|rocm|||
        build|compat32|||
        build|nvccli||NVCCLI|
        build|bind|B||
        build|mount||MOUNT|
        build|writable-tmpfs||WRITABLE_TMPFS|
        build|userns||USERNS|
        build|reproducible||REPRODUCIBLE|
        build|build-arg|||
        build|build-arg-file|||
        build|warn-unused-build-args|||
        build|no-https||BUILDKIT_HOST|
        build|docker-host||BUILDKIT_HOST|
        build|docker-login||BUILDKIT_HOST|
        build|docker-username||BUILDKIT_HOST|
        build|buildkit-host||BUILDKIT_HOST|
        build|authfile||BUILDKIT_HOST|
        build|tmpdir||BUILDKIT_HOST|
        build|ignore-subuid||IGNORE_SUBUID|
        build|ignore-fakeroot-command||IGNORE_FAKEROOT_COMMAND|
        build|ignore-proot||IGNORE_PROOT|
        build|ignore-userns||IGNORE_USERNS|
        build|remote|||
        """
    }
}
