  export APPV=1
