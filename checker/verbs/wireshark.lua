-- What mipcheck has written into the packets' comments (mipcheck CAPTURE --annotate OUT), as fields and expert items:
-- filter by mipcheck.rule == "M2", colour by mipcheck.role == "broken", list all under Analyze, Expert Information.
-- Made by `mipcheck wireshark`, which knows the rules' levels.

local LEVELS = { --[[LEVELS]] }

local verdict = Proto("mipcheck", "mipcheck's verdict")
local rule = ProtoField.string("mipcheck.rule", "Rule")
local level = ProtoField.string("mipcheck.level", "Level")
local section = ProtoField.string("mipcheck.section", "Section")
local role = ProtoField.string("mipcheck.role", "Role", base.NONE, "broken, owed, led-to or near-miss")
local at = ProtoField.string("mipcheck.at", "Finding at")
local text = ProtoField.string("mipcheck.text", "Text")
verdict.fields = { rule, level, section, role, at, text }

local must = ProtoExpert.new("mipcheck.must", "A MUST is broken", expert.group.PROTOCOL, expert.severity.ERROR)
local should = ProtoExpert.new("mipcheck.should", "A SHOULD is broken", expert.group.PROTOCOL, expert.severity.WARN)
local led = ProtoExpert.new("mipcheck.led_to", "It led to a finding", expert.group.PROTOCOL, expert.severity.NOTE)
local missed = ProtoExpert.new("mipcheck.near_miss", "It did not count", expert.group.PROTOCOL, expert.severity.NOTE)
verdict.experts = { must, should, led, missed }

local comment = Field.new("frame.comment")

-- Returns what a comment says: its role, rule, level, section, place of the finding, and text; nothing of others' comments.
local function parts(words)
  local id, strength, cited, rest = words:match("^mipcheck: (%S+) %(([%u ]+), ([^)]*)%) (.*)$")
  if id then
    return rest:match("^owed") and "owed" or "broken", id, strength, cited, nil, rest
  end
  for kind, start in pairs({ ["led-to"] = "led to", ["near-miss"] = "did not count for" }) do
    id, cited, rest = words:match("^mipcheck: " .. start .. " (%S+) %(([^)]*)%) at (.*)$")
    if id then
      local place, said = rest:match("^(frame %d+): (.*)$")
      return kind, id, LEVELS[id], cited, place, said or rest
    end
  end
end

function verdict.dissector(buffer, info, tree)
  for _, found in ipairs({ comment() }) do
    local kind, id, strength, cited, place, said = parts(tostring(found.value))
    if kind then
      local branch = tree:add(verdict, buffer(0, 0), "mipcheck: " .. kind .. " " .. id)
      branch:add(rule, id):set_generated()
      if strength then branch:add(level, strength):set_generated() end
      branch:add(section, cited):set_generated()
      branch:add(role, kind):set_generated()
      if place then branch:add(at, place):set_generated() end
      branch:add(text, said):set_generated()
      if kind == "led-to" then
        branch:add_proto_expert_info(led, "It led to " .. id .. ": " .. said)
      elseif kind == "near-miss" then
        branch:add_proto_expert_info(missed, "It did not count for " .. id .. ": " .. said)
      else
        branch:add_proto_expert_info(strength:match("^MUST") and must or should, id .. " " .. said)
      end
    end
  end
end

register_postdissector(verdict, true)
