// Written by Scripts/known-flags from Docs/spec/cli.md and the manifests of Plugins/: change those.

/// The flags that Apptainer and the plugins of this repository have: one line each,
/// `commands|name|letter|variables|plugin`; those of plugins come first.
enum KnownFlags {
    static var lines: String {
        """
        exec,run,shell,test,instance start,instance run,build|nv||NV|org.skiff.nvidia-gpu
        exec,run,shell,test,instance start,instance run|no-nv||NV_OFF NO_NV|org.skiff.nvidia-gpu
        exec,run,shell,test,instance start,instance run,build|compat32||COMPAT32|org.skiff.nvidia-gpu
        exec,run,shell,test,instance start,instance run|overlay|o|OVERLAY OVERLAYIMAGE|org.skiff.overlay
        exec,run,shell,test,instance start,instance run,build|writable-tmpfs||WRITABLE_TMPFS|org.skiff.overlay
        exec,run,shell,test,instance start,instance run|app||APP APPNAME|
        exec,run,shell,test,instance start,instance run|bind|B|BIND BINDPATH|
        exec,run,shell,test,instance start,instance run|mount||MOUNT|
        exec,run,shell,test,instance start,instance run|home|H|HOME|
        exec,run,shell,test,instance start,instance run|no-home||NO_HOME|
        exec,run,shell,test,instance start,instance run|no-mount||NO_MOUNT|
        exec,run,shell,test,instance start,instance run|overlay|o|OVERLAY OVERLAYIMAGE|
        exec,run,shell,test,instance start,instance run|scratch|S|SCRATCH SCRATCHDIR|
        exec,run,shell,test,instance start,instance run|workdir|W|WORKDIR|
        exec,run,shell,test|cwd||CWD TARGET_CWD|
        exec,run,shell,test|pwd||PWD TARGET_PWD|
        exec,run,shell,test,instance start,instance run|contain|c|CONTAIN|
        exec,run,shell,test,instance start,instance run|containall|C|CONTAINALL|
        exec,run,shell,test,instance start,instance run|compat||COMPAT|
        exec,run,shell,test,instance start,instance run|cleanenv|e|CLEANENV|
        exec,run,shell,test,instance start,instance run|env|||
        exec,run,shell,test,instance start,instance run|env-file||ENV_FILE|
        exec,run,shell,test,instance start,instance run|no-env||NOENV|
        exec,run,shell,test,instance start,instance run|no-eval||NO_EVAL|
        exec,run,shell,test,instance start,instance run|no-umask||NO_UMASK|
        exec,run,shell,test,instance start,instance run|writable|w|WRITABLE|
        exec,run,shell,test,instance start,instance run|writable-tmpfs||WRITABLE_TMPFS|
        exec,run,shell,test,instance start,instance run|underlay||UNDERLAY|
        exec,run,shell,test,instance start,instance run|unsquash||UNSQUASH|
        exec,run,shell,test,instance start,instance run|tmpdir||TMPDIR|
        exec,run,shell,test|pid|p|PID UNSHARE_PID|
        exec,run,shell,test|no-pid||NO_PID|
        exec,run,shell,test,instance start,instance run|ipc|i|IPC UNSHARE_IPC|
        exec,run,shell,test,instance start,instance run|net|n|NET UNSHARE_NET|
        exec,run,shell,test,instance start,instance run|uts||UTS UNSHARE_UTS|
        exec,run,shell,test,instance start,instance run|userns|u|USERNS UNSHARE_USERNS|
        exec,run,shell,test,instance start,instance run|no-init||NOSHIMINIT|
        exec,run,shell,test,instance start,instance run|hostname||HOSTNAME|
        exec,run,shell,test,instance start,instance run|dns||DNS|
        exec,run,shell,test,instance start,instance run|network||NETWORK|
        exec,run,shell,test,instance start,instance run|network-args||NETWORK_ARGS|
        exec,run,shell,test,instance start,instance run|netns-path||NETNS_PATH|
        exec,run,shell,test,instance start,instance run|fakeroot|f|FAKEROOT|
        exec,run,shell,test,instance start,instance run|keep-privs||KEEP_PRIVS|
        exec,run,shell,test,instance start,instance run|no-privs||NO_PRIVS|
        exec,run,shell,test,instance start,instance run|add-caps||ADD_CAPS|
        exec,run,shell,test,instance start,instance run|drop-caps||DROP_CAPS|
        exec,run,shell,test,instance start,instance run|allow-setuid||ALLOW_SETUID|
        exec,run,shell,test,instance start,instance run|security||SECURITY|
        exec,run,shell,test,instance start,instance run|fusemount||FUSESPEC|
        exec,run,shell,test,instance start,instance run|nv||NV|
        exec,run,shell,test,instance start,instance run|nvccli||NVCCLI|
        exec,run,shell,test,instance start,instance run|rocm||ROCM|
        exec,run,shell,test,instance start,instance run|no-nv||NV_OFF NO_NV|
        exec,run,shell,test,instance start,instance run|no-rocm||ROCM_OFF NO_ROCM|
        exec,run,shell,test,instance start,instance run|compat32||COMPAT32|
        exec,run,shell,test,instance start,instance run|intel-hpu||INTEL_HPU|
        exec,run,shell,test|device|||
        exec,run,shell,test|cdi-dirs|||
        exec,run,shell,test,instance start,instance run|containlibs||CONTAINLIBS|
        exec,run,shell,test,instance start,instance run|apply-cgroups||APPLY_CGROUPS|
        exec,run,shell,test,instance start,instance run|memory||MEMORY|
        exec,run,shell,test,instance start,instance run|memory-reservation||MEMORY_RESERVATION|
        exec,run,shell,test,instance start,instance run|memory-swap||MEMORY_SWAP|
        exec,run,shell,test,instance start,instance run|oom-kill-disable||OOM_KILL_DISABLE|
        exec,run,shell,test,instance start,instance run|cpus||CPUS CPU_SHARES CPUS|
        exec,run,shell,test,instance start,instance run|cpu-shares||CPU_SHARES|
        exec,run,shell,test,instance start,instance run|cpuset-cpus||CPUSET_CPUS|
        exec,run,shell,test,instance start,instance run|cpuset-mems||CPUSET_MEMS|
        exec,run,shell,test,instance start,instance run|blkio-weight||BLKIO_WEIGHT|
        exec,run,shell,test,instance start,instance run|blkio-weight-device||BLKIO_WEIGHT_DEVICE|
        exec,run,shell,test,instance start,instance run|pids-limit||PIDS_LIMIT|
        exec,run,shell,test,instance start,instance run|disable-cache||DISABLE_CACHE|
        exec,run,shell,test,instance start,instance run|no-https||NOHTTPS NO_HTTPS|
        exec,run,shell,test,instance start,instance run|docker-login||DOCKER_LOGIN|
        exec,run,shell,test,instance start,instance run|docker-username|||
        exec,run,shell,test,instance start,instance run|docker-password|||
        exec,run,shell,test,instance start,instance run|docker-host||DOCKER_HOST|
        exec,run,shell,test,instance start,instance run|authfile||AUTH_FILE|
        exec,run,shell,test,instance start,instance run|passphrase|||
        exec,run,shell,test,instance start,instance run|pem-path|||
        exec,run,shell,test|sharens||SHARENS|
        run,instance run|runscript-timeout||RUNSCRIPT_TIMEOUT|
        shell|shell|s|SHELL|
        instance start,instance run|boot||BOOT|
        instance start,instance run|pid-file||PID_FILE|
        instance start,instance run|dmtcp-launch||DMTCP_LAUNCH|
        instance start,instance run|dmtcp-restart||DMTCP_RESTART|
        exec,run,shell,test,instance start,instance run|ignore-subuid||IGNORE_SUBUID|
        exec,run,shell,test,instance start,instance run|ignore-fakeroot-command||IGNORE_FAKEROOT_COMMAND|
        exec,run,shell,test,instance start,instance run|ignore-userns||IGNORE_USERNS|
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
