# mcp-oauth in bash: eval "$(mcp-oauth completion bash)" in ~/.bashrc
_mcp_oauth() {
  local word="${COMP_WORDS[COMP_CWORD]}" words=""
  case "${COMP_WORDS[COMP_CWORD-1]}" in
    --scope) words="" ;;
    --client-id) words="" ;;
    --issuer) words="" ;;
    --subject) words="" ;;
    --port) words="" ;;
    --timeout) words="" ;;
    --store) words="keychain file" ;;
    --expires-in) words="" ;;
    --fault) words="" ;;
    *) case "${COMP_WORDS[1]}" in
      login) words="--no-browser --device --scope --client-id --issuer --ask-secret --subject --port --timeout --force --import --store --json" ;;
      logout) words="--all --subject --store --json" ;;
      status) words="--subject --store --json" ;;
      token) words="--tty --subject --store --json" ;;
      doctor) words="--login --no-browser --scope --client-id --issuer --ask-secret --port --timeout --json" ;;
      fake-server) words="--port --no-consent --expires-in --scope --fault" ;;
      completion) words="bash zsh fish" ;;
      help) words="login logout status token doctor fake-server completion" ;;
    esac ;;
  esac
  [ "$COMP_CWORD" -gt 1 ] || words="login logout status token doctor fake-server completion help"
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _mcp_oauth mcp-oauth
