# mcp-oauth in zsh: eval "$(mcp-oauth completion zsh)" in ~/.zshrc, after compinit
_mcp_oauth() {
  local -a commands
  commands=(
    'login:log in at an MCP server'
    'logout:end a login, at the server and here'
    'status:list the logins'
    'token:print an access token, for scripts'
    'doctor:find out what is wrong with a server'
    'fake-server:start a server to test clients with'
    'completion:print a script that completes command lines'
    'help:print help for a command'
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  shift words; (( CURRENT-- ))
  case "$words[1]" in
    login) _arguments '--no-browser[only print the URL, do not open a browser]' '--device[log in on another device, with a code]' '--scope[scopes to ask for, in place of those that the server names]:value:' '--client-id[client that is registered at the authorization server]:value:' '--issuer[where that client is registered; its secret goes nowhere else]:value:' '--ask-secret[ask for the client'\''s secret (or set MCP_OAUTH_CLIENT_SECRET)]' '--subject[account, where you have several at a server]:value:' '--port[port for the browser to come back to]:value:' '--timeout[how long to wait for you]:value:' '--force[log in even if there is a login that works]' '--import[take over logins of mcp-remote, opencode, oh-my-opencode]' '--store[where logins are kept (default the keychain if it works)]:value:(keychain file)' '--json[print JSON]' ;;
    logout) _arguments '--all[end all logins]' '--subject[account, where you have several at a server]:value:' '--store[where logins are kept (default the keychain if it works)]:value:(keychain file)' '--json[print JSON]' ;;
    status) _arguments '--subject[account, where you have several at a server]:value:' '--store[where logins are kept (default the keychain if it works)]:value:(keychain file)' '--json[print JSON]' ;;
    token) _arguments '--tty[print it even on a terminal]' '--subject[account, where you have several at a server]:value:' '--store[where logins are kept (default the keychain if it works)]:value:(keychain file)' '--json[print JSON]' ;;
    doctor) _arguments '--login[go on through a login, a refresh and a revocation]' '--no-browser[only print the URL, do not open a browser]' '--scope[scopes to ask for, in place of those that the server names]:value:' '--client-id[client that is registered at the authorization server]:value:' '--issuer[where that client is registered; its secret goes nowhere else]:value:' '--ask-secret[ask for the client'\''s secret (or set MCP_OAUTH_CLIENT_SECRET)]' '--port[port for the browser to come back to]:value:' '--timeout[how long to wait for you]:value:' '--json[print JSON]' ;;
    fake-server) _arguments '--port[port to listen on]:value:' '--no-consent[allow every login without asking]' '--expires-in[how long access tokens work]:value:' '--scope[scopes that the server wants]:value:' '--fault[what goes wrong, as in docs/testing.md]:value:' ;;
    completion) _arguments '*:word:(bash zsh fish)' ;;
    help) _arguments '*:word:(login logout status token doctor fake-server completion)' ;;
  esac
}
compdef _mcp_oauth mcp-oauth
