-- Verifies an RS256 token for nginx, which cannot by itself, and finds whose limit the call counts against.
local base64 = require "ngx.base64"
local json = require "cjson.safe"
local digest = require "openssl.digest"
local pkey = require "openssl.pkey"

local file = assert(io.open("{{ key }}"))
local key = pkey.new(file:read("*a"))
file:close()

-- Claims of tokens whose signature and issuer are known to be right, as the gateway keeps them.
local verified = require("resty.lrucache").new(20000)

local function verify(token)
    local signed, payload, signature = token:match("^([%w_-]+%.([%w_-]+))%.([%w_-]+)$")
    signature = signature and base64.decode_base64url(signature)
    if not signature or not key:verify(signature, digest.new("sha256"):update(signed)) then
        return nil
    end
    local claims = json.decode(base64.decode_base64url(payload) or "")
    return claims and claims.iss == "{{ guard.issuer }}" and claims
end

function authorize()
    local token = (ngx.var.http_authorization or ""):match("^Bearer (.+)$")
    if not token then
        return ngx.exit(401)
    end
    local claims = verified:get(token)
    if not claims then
        claims = verify(token)
        if not claims then
            return ngx.exit(401)
        end
        verified:set(token, claims)
    end
    if claims.exp <= ngx.time() then
        return ngx.exit(401)
    end
    if not (" " .. claims.scope .. " "):find(" read ", 1, true) then
        return ngx.exit(403)
    end
    ngx.var.application = claims.client_id
end
