#include "services/events/native/identity_graph.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "services/events/native/stable_hash.h"

namespace throughline {
namespace {

constexpr uint8_t kLinks = 1;
constexpr uint8_t kUnlinks = 2;

void AppendKey(const EventKey& key, std::string& out) {
  const uint64_t words[] = {key.low, key.high};
  out.append(reinterpret_cast<const char*>(words), sizeof(words));
}

EventKey TakeKey(absl::string_view& bytes) {
  uint64_t words[2];
  std::memcpy(words, bytes.data(), sizeof(words));
  bytes.remove_prefix(sizeof(words));
  return {words[0], words[1]};
}

}  // namespace

EventKey EventKey::Of(absl::string_view source, absl::string_view id) {
  // No source and no id has a zero byte.
  const std::string text = absl::StrCat(source, absl::string_view("\0", 1), id);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.low64, hash.high64};
}

std::string IdentityStatement::Encode(const EventFields& fields) {
  std::string out;
  const bool links = !fields.linked_customer_id.empty(), unlinks = !fields.unlinked_source.empty();
  if (!links && !unlinks) return out;
  out.push_back(static_cast<char>((links ? kLinks : 0) | (unlinks ? kUnlinks : 0)));
  AppendKey(EventKey::Of(fields.source, fields.id), out);
  if (unlinks) AppendKey(EventKey::Of(fields.unlinked_source, fields.unlinked_id), out);
  absl::StrAppend(&out, fields.linked_customer_id);
  return out;
}

IdentityStatement IdentityStatement::Decode(absl::string_view bytes) {
  IdentityStatement out;
  const auto flags = static_cast<uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  out.own = TakeKey(bytes);
  if ((flags & kUnlinks) != 0) out.unlinked = TakeKey(bytes);
  if ((flags & kLinks) != 0) out.linked_customer_id = bytes;
  return out;
}

uint32_t IdentityGraph::NodeOf(absl::string_view customer_id) {
  const uint32_t node = names_.Encode(customer_id);
  if (node == nodes_.size()) {
    nodes_.emplace_back().component = static_cast<uint32_t>(components_.size());
    components_.push_back({node});
  }
  return node;
}

void IdentityGraph::Add(uint32_t row, absl::string_view customer_id, uint32_t customer,
                        const IdentityStatement& statement,
                        const std::function<std::optional<uint32_t>(absl::string_view)>& code_of) {
  if (!statement.linked_customer_id.empty()) {
    const uint32_t from = NodeOf(customer_id), to = NodeOf(statement.linked_customer_id);
    nodes_[from].code = customer;
    if (const auto code = code_of(statement.linked_customer_id); code.has_value()) nodes_[to].code = *code;
    const auto edge = static_cast<uint32_t>(edges_.size());
    const auto revoked = revoked_.find(statement.own);
    edges_.push_back({row, from, to, revoked != revoked_.end(), revoked == revoked_.end() ? 0 : revoked->second});
    edge_of_.emplace(statement.own, edge);
    nodes_[from].edges.push_back(edge);
    nodes_[from].neighbours.try_emplace(to);
    nodes_[to].neighbours.try_emplace(from);
    if (!edges_[edge].revoked) {
      Hold(edges_[edge], 1);
      Join(from, to);
    }
  }
  if (statement.unlinked.has_value()) Revoke(row, *statement.unlinked);
}

void IdentityGraph::Revoke(uint32_t row, const EventKey& link) {
  if (!revoked_.emplace(link, row).second) return;
  const auto found = edge_of_.find(link);
  if (found == edge_of_.end()) return;
  Edge& edge = edges_[found->second];
  edge.revoked = true;
  edge.revoked_row = row;
  Hold(edge, ~uint32_t{0});
  Split(edge.from, edge.to);
}

// One more link holds, or one less.
void IdentityGraph::Hold(const Edge& edge, uint32_t change) {
  nodes_[edge.from].links_on += change;
  nodes_[edge.to].linked_to += change;
  nodes_[edge.from].neighbours[edge.to] += change;
  nodes_[edge.to].neighbours[edge.from] += change;
}

void IdentityGraph::SetCode(absl::string_view customer_id, uint32_t customer) {
  const std::optional<uint32_t> node = names_.Find(customer_id);
  if (!node.has_value()) return;
  nodes_[*node].code = customer;
  const uint32_t component = nodes_[*node].component;
  const bool apart = components_[component].size() > kPersonCustomersMax;
  Place(component, apart ? absl::MakeConstSpan(&*node, 1) : absl::MakeConstSpan(components_[component]));
}

// The smaller one becomes part of the larger.
void IdentityGraph::Join(uint32_t a, uint32_t b) {
  uint32_t into = nodes_[a].component, from = nodes_[b].component;
  if (into == from) return PlaceIfOne(into);  // perhaps under another name
  if (components_[into].size() < components_[from].size()) std::swap(into, from);
  std::vector<uint32_t>& members = components_[into];
  const size_t before = members.size();
  const std::vector<uint32_t> joining = std::exchange(components_[from], {});
  for (const uint32_t node : joining) nodes_[node].component = into;
  members.insert(members.end(), joining.begin(), joining.end());
  // Those who are apart already stay so.
  Place(into, before > kPersonCustomersMax ? absl::MakeConstSpan(joining) : absl::MakeConstSpan(members));
}

void IdentityGraph::Split(uint32_t a, uint32_t b) {
  const uint32_t component = nodes_[a].component;
  const bool still_linked = nodes_[a].neighbours[b] > 0;
  if (still_linked) return PlaceIfOne(component);  // perhaps under another name
  std::vector<uint32_t> left = Reach(a, /*also_revoked=*/false);
  if (left.size() < components_[component].size()) {
    std::vector<uint32_t> right = Reach(b, /*also_revoked=*/false);
    const auto other = static_cast<uint32_t>(components_.size());
    for (const uint32_t node : right) nodes_[node].component = other;
    components_.push_back(std::move(right));
    components_[component] = std::move(left);
    Place(other, components_[other]);
  }
  Place(component, components_[component]);
}

void IdentityGraph::PlaceIfOne(uint32_t component) {
  if (components_[component].size() <= kPersonCustomersMax) Place(component, components_[component]);
}

// Tells where the members, all of the component or some that are to be apart, are from now on.
void IdentityGraph::Place(uint32_t component, absl::Span<const uint32_t> members) {
  if (components_[component].size() > kPersonCustomersMax) {
    for (const uint32_t node : members) Tell(node, nodes_[node].code, node);
    return;
  }
  uint32_t home = kNone;
  for (const uint32_t node : members) home = std::min(home, nodes_[node].code);
  const uint32_t name = PersonName(members);
  for (const uint32_t node : members) Tell(node, home, name);
}

void IdentityGraph::Tell(uint32_t node, uint32_t home, uint32_t name) {
  Node& known = nodes_[node];
  if (known.code == kNone || (known.home == home && known.name == name)) return;
  known.home = home;
  known.name = name;
  if (on_change_ != nullptr) on_change_(known.code, home, names_[name]);
}

// Who is linked to and does not link on; of several the first, and where all link on, the first of all.
uint32_t IdentityGraph::PersonName(absl::Span<const uint32_t> members) const {
  uint32_t any = kNone, last = kNone;
  const auto first = [&](uint32_t a, uint32_t b) { return a == kNone || names_[b] < names_[a] ? b : a; };
  for (const uint32_t node : members) {
    any = first(any, node);
    if (nodes_[node].linked_to > 0 && nodes_[node].links_on == 0) last = first(last, node);
  }
  return last == kNone ? any : last;
}

std::vector<uint32_t> IdentityGraph::Reach(uint32_t from, bool also_revoked, size_t nodes_max) const {
  std::vector<uint32_t> out = {from};
  absl::flat_hash_set<uint32_t> seen = {from};
  for (size_t i = 0; i < out.size() && out.size() <= nodes_max; ++i) {
    for (const auto& [other, holding] : nodes_[out[i]].neighbours) {
      if ((holding > 0 || also_revoked) && seen.insert(other).second) out.push_back(other);
    }
  }
  return out;
}

std::optional<IdentityGraph::Person> IdentityGraph::FindPerson(absl::string_view customer_id) const {
  const std::optional<uint32_t> node = names_.Find(customer_id);
  if (!node.has_value()) return std::nullopt;
  const std::vector<uint32_t>& members = components_[nodes_[*node].component];
  if (members.size() > kPersonCustomersMax) return Person{nodes_[*node].code, names_[*node], {}};
  Person out;
  const uint32_t name = PersonName(members);
  out.name = names_[name];
  for (const uint32_t member : members) {
    out.home = std::min(out.home, nodes_[member].code);
    if (member != name) out.others.push_back(names_[member]);
  }
  std::sort(out.others.begin(), out.others.end());
  return out;
}

std::optional<std::vector<IdentityGraph::Edge>> IdentityGraph::EdgesAround(absl::string_view customer_id) const {
  std::vector<Edge> out;
  const std::optional<uint32_t> node = names_.Find(customer_id);
  if (!node.has_value()) return out;
  // Every customer but the first is reached by a link of its own.
  const std::vector<uint32_t> reached = Reach(*node, /*also_revoked=*/true, kEdgesAroundMax + 1);
  size_t edges = 0;
  for (const uint32_t one : reached) edges += nodes_[one].edges.size();
  if (reached.size() > kEdgesAroundMax + 1 || edges > kEdgesAroundMax) return std::nullopt;
  for (const uint32_t one : reached) {
    for (const uint32_t e : nodes_[one].edges) out.push_back(edges_[e]);
  }
  std::sort(out.begin(), out.end(), [](const Edge& a, const Edge& b) { return a.row < b.row; });
  return out;
}

bool IdentityGraph::IsAsOf(absl::string_view customer_id, uint32_t row_end) const {
  const std::optional<std::vector<Edge>> edges = EdgesAround(customer_id);
  return !edges.has_value() || std::all_of(edges->begin(), edges->end(), [&](const Edge& edge) {
    return edge.row < row_end && (!edge.revoked || edge.revoked_row < row_end);
  });
}

}  // namespace throughline
